//! HTTP CONNECT (RFC 9110, section 9.3.6), by which a proxy of the institution is asked to pass a
//! connection on. What travels in it is TLS between device and centre, as without a proxy.

use std::net::SocketAddr;

/// Longest head of an answer, in bytes.
pub const HEAD_MAX: usize = 4_096;

/// What has been read of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// Its end has not come yet.
    Unfinished,
    /// The status: from 200 to 299, what follows is the connection.
    Status(u16),
    /// It is no answer of a proxy.
    Nonsense,
}

/// The question.
pub fn request(to: SocketAddr) -> String {
    format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n")
}

/// Reads an answer as far as it has come. Read it byte by byte: what follows the head belongs to
/// the connection.
pub fn head(bytes: &[u8]) -> Head {
    let Some(rest) = bytes.strip_prefix(b"HTTP/1.") else {
        let beginning = b"HTTP/1.".starts_with(bytes);
        return if beginning {
            Head::Unfinished
        } else {
            Head::Nonsense
        };
    };
    if !bytes.ends_with(b"\r\n\r\n") {
        let endless = bytes.len() >= HEAD_MAX;
        return if endless {
            Head::Nonsense
        } else {
            Head::Unfinished
        };
    }
    let status = match rest {
        [_, b' ', digits @ ..] => digits.get(..3),
        _ => None,
    };
    let status = status.filter(|digits| digits.iter().all(u8::is_ascii_digit));
    status.map_or(Head::Nonsense, |digits| {
        let number = |value: u16, digit: &u8| value * 10 + u16::from(digit - b'0');
        Head::Status(digits.iter().fold(0, number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_up_to_the_end_of_its_head() {
        for (answer, read) in [
            ("", Head::Unfinished),
            ("HTT", Head::Unfinished),
            ("HTTP/1.1 200 OK\r\n", Head::Unfinished),
            ("HTTP/1.1 200 OK\r\n\r\n", Head::Status(200)),
            (
                "HTTP/1.0 407 Proxy Authentication Required\r\nX: y\r\n\r\n",
                Head::Status(407),
            ),
            ("HTTP/1.1 403\r\n\r\n", Head::Status(403)),
            ("HTTP/1.1 2x0 OK\r\n\r\n", Head::Nonsense),
            ("SSH-2.0-x\r\n", Head::Nonsense),
        ] {
            assert_eq!(head(answer.as_bytes()), read, "{answer:?}");
        }
        let endless = [b"HTTP/1.1 200 OK\r\n".as_slice(), &[b'x'; HEAD_MAX]].concat();
        assert_eq!(head(&endless), Head::Nonsense);
    }

    #[test]
    fn the_question_names_the_address_in_brackets_where_it_needs_them() {
        let asked = request("[2001:db8::1]:8443".parse().unwrap());
        assert!(asked.starts_with("CONNECT [2001:db8::1]:8443 HTTP/1.1\r\n"));
        assert!(asked.ends_with("\r\n\r\n"));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>) {
            let _ = head(&bytes);
            let _ = head(&[b"HTTP/1.1 ".as_slice(), &bytes, b"\r\n\r\n"].concat());
        }
    }
}
