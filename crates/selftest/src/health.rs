//! The question after the front's health, and its answer (HTTP/1.1).

/// Longest answer that is read, in bytes.
pub const ANSWER_MAX: usize = 4_096;

/// The question fills two packets of usual size: what is lost on the way only when it is large
/// shows here, and not first with a batch.
const PADDING: usize = 3_000;

/// The question, to the front of that name.
pub fn request(name: &str) -> String {
    let padding = "0".repeat(PADDING);
    format!(
        "GET /v1/health HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\
         Sekisho-Padding: {padding}\r\n\r\n"
    )
}

/// The status of a whole answer, and whether it says that all is well.
pub fn answer(bytes: &[u8]) -> Option<(u16, bool)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let body: String = body.split_whitespace().collect();
    Some((status, body == r#"{"status":"ok"}"#))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_well_only_in_the_words_of_the_front() {
        for (text, read) in [
            (
                "HTTP/1.1 200 OK\r\nA: b\r\n\r\n{\"status\": \"ok\"}",
                Some((200, true)),
            ),
            (
                "HTTP/1.1 200 OK\r\n\r\n<html>Welcome</html>",
                Some((200, false)),
            ),
            ("HTTP/1.1 503 Busy\r\n\r\n", Some((503, false))),
            ("HTTP/1.1 20\r\n\r\n", None),
            ("HTTP/1.1 200 OK\r\n", None),
            ("220 mail\r\n\r\n", None),
        ] {
            assert_eq!(answer(text.as_bytes()), read, "{text:?}");
        }
    }

    #[test]
    fn the_question_needs_more_than_one_packet() {
        assert!(request("front").len() > 2 * 1_460);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>) {
            let _ = answer(&bytes);
            let _ = answer(&[b"HTTP/1.1 ".as_slice(), &bytes].concat());
        }
    }
}
