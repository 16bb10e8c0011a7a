//! Why the front does not take something: the answers that a site's device sees.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use thiserror::Error;

macro_rules! refusals {
    ($($variant:ident = $code:literal, $status:ident, $ja:literal, $en:literal;)*) => {
        /// Why the front does not take something.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
        pub(crate) enum Refusal {
            $(#[doc = $en] #[error($en)] $variant,)*
        }

        impl Refusal {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable code.
            pub(crate) const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The HTTP status.
            pub(crate) const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }

            const fn ja(self) -> &'static str {
                match self { $(Self::$variant => $ja,)* }
            }
        }
    };
}

refusals! {
    NoSite = "R001", FORBIDDEN,
        "証明書に施設の番号がありません。証明書を発行し直してください。",
        "The certificate names no site. Have it issued anew.";
    NotFound = "R002", NOT_FOUND,
        "そのような窓口はありません。装置のプログラムの版を確認してください。",
        "No such resource. Check the version of the device's program.";
    BadRequest = "R003", BAD_REQUEST,
        "要求の形式が正しくありません。装置のプログラムの版を確認してください。",
        "The request is malformed. Check the version of the device's program.";
    ChunkTooLarge = "R004", PAYLOAD_TOO_LARGE,
        "一度に送る大きさが上限を超えています。limits.chunk_bytes を小さくしてください。",
        "The chunk is larger than the limit. Lower limits.chunk_bytes.";
    BatchTooLarge = "R005", PAYLOAD_TOO_LARGE,
        "束の大きさが上限を超えています。limits.batch_bytes を小さくしてください。",
        "The batch is larger than the limit. Lower limits.batch_bytes.";
    ChunkDigest = "R006", UNPROCESSABLE_ENTITY,
        "送られた部分が途中で変わりました。同じ部分をもう一度送ってください。",
        "The chunk changed on the way. Send the same chunk again.";
    BatchDigest = "R007", UNPROCESSABLE_ENTITY,
        "全体が束の番号と一致しないため捨てました。最初から送り直してください。",
        "The whole does not fit the batch's id and was dropped. Send it from the start.";
    NotABatch = "R008", UNPROCESSABLE_ENTITY,
        "封かんされた束として読めません。装置のプログラムの版を確認してください。",
        "Not readable as a sealed batch. Check the version of the device's program.";
    UnknownFormat = "R009", UNPROCESSABLE_ENTITY,
        "受付がまだ知らない新しい形式です。束はそのまま残し、受付の更新を待ってください。",
        "A format that the front does not know yet. Keep the batch until the front is updated.";
    ForeignSite = "R010", FORBIDDEN,
        "束の施設が証明書の施設と異なります。装置の設定を確認してください。",
        "The batch names another site than the certificate. Check the device's settings.";
    WrongOffset = "R011", CONFLICT,
        "続きの位置が異なります。Upload-Offset の位置から送ってください。",
        "The upload continues elsewhere. Send from the position in Upload-Offset.";
    WrongLength = "R012", UNPROCESSABLE_ENTITY,
        "送られた部分が束の長さを超えています。最初から送り直してください。",
        "The chunk reaches beyond the batch's length. Send it from the start.";
    Slow = "R013", REQUEST_TIMEOUT,
        "時間内に届きませんでした。回線を確認し、もう一度送ってください。",
        "It did not arrive in time. Check the line and send again.";
    Busy = "R014", SERVICE_UNAVAILABLE,
        "受付が混み合っています。Retry-After の秒数を待って送り直してください。",
        "The front is busy. Wait for the seconds in Retry-After and send again.";
    TooManyUploads = "R015", SERVICE_UNAVAILABLE,
        "この施設の送信途中の束が多すぎます。先に始めた送信を終えてください。",
        "Too many batches of this site are under way. Finish those that were begun.";
    NoLetter = "R017", NOT_FOUND,
        "その通知はありません。一覧を取り直してください。",
        "No such letter. Ask for the list again.";
    NoLetters = "R018", NOT_FOUND,
        "この受付は通知を扱いません。センターに連絡してください。",
        "This front hands out no letters. Call the centre.";
    UnknownEpoch = "R019", NOT_FOUND,
        "その世代の鍵はありません。装置の keys.token_epoch を確認し、センターに連絡してください。",
        "There is no key of that epoch. Check keys.token_epoch of the device and call the centre.";
    EvaluationLimit = "R020", TOO_MANY_REQUESTS,
        "この施設が1日に求められる計算の上限に達しました。時間をおくか、センターに連絡してください。",
        "The site has asked for as many evaluations as it may. Wait, or call the centre.";
    Stopped = "R021", FORBIDDEN,
        "この施設からの受け取りを止めています。束はそのまま残し、センターに連絡してください。",
        "Batches of this site are stopped. Keep them and call the centre.";
    Quota = "R022", TOO_MANY_REQUESTS,
        "この施設が1日に送れる量の上限に達しました。束はそのまま残り、翌日までに続きが送られます。急ぐときはセンターに連絡してください。",
        "The site has sent as much as it may in a day. Its batches stay and go on within a day; if that is too late, call the centre.";
    NoCertificates = "R023", NOT_FOUND,
        "この受付は証明書の申請を扱いません。センターに連絡してください。",
        "This front takes no requests for certificates. Call the centre.";
    NoRequest = "R024", NOT_FOUND,
        "その申請は届いていません。もう一度送ってください。",
        "No such request has arrived. Send it again.";
    OtherAnswer = "R025", CONFLICT,
        "その通知への別の回答が受付にあります。中核が受け取るまで待ち、次の実行でもう一度送ってください。",
        "Another answer to that letter is there. Wait until the core has taken it, and send again at the next run.";
    Storage = "R016", INSUFFICIENT_STORAGE,
        "受付に保存できません。束はそのまま残し、センターに知らせてください。",
        "The front cannot store. Keep the batch and tell the centre.";
}

/// Least and spread of seconds after which a busy front is asked again (O-11).
const RETRY_LEAST: u64 = 5;
const RETRY_SPREAD: u64 = 55;

impl Refusal {
    /// The answer. `turn` is any number that differs between requests: it spreads the moments at
    /// which many sites come back.
    pub(crate) fn answer(self, turn: u64) -> Response {
        let body = serde_json::json!({
            "code": self.code(),
            "ja": self.ja(),
            "en": self.to_string(),
        });
        let kind = (header::CONTENT_TYPE, "application/json");
        let mut response = (self.status(), [kind], body.to_string()).into_response();
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            // Steps of a number that shares no factor with the spread visit every second.
            let seconds = RETRY_LEAST + turn.wrapping_mul(21) % RETRY_SPREAD;
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_refusal_has_its_own_code_and_two_texts_with_a_next_step() {
        let codes: BTreeSet<_> = Refusal::ALL.iter().map(|refusal| refusal.code()).collect();
        assert_eq!(codes.len(), Refusal::ALL.len());
        for refusal in Refusal::ALL {
            assert!(refusal.ja().matches('。').count() >= 2, "{refusal:?}");
            assert!(refusal.to_string().ends_with('.'), "{refusal:?}");
            assert!(!refusal.status().is_success(), "{refusal:?}");
        }
    }

    /// O-11: refused sites do not come back together.
    #[test]
    fn busy_answers_spread_their_retry_over_every_second() {
        let seconds: BTreeSet<_> = (0..RETRY_SPREAD)
            .map(|turn| Refusal::Busy.answer(turn).headers()[header::RETRY_AFTER].clone())
            .map(|value| value.to_str().unwrap().parse::<u64>().unwrap())
            .collect();
        assert_eq!(seconds.len() as u64, RETRY_SPREAD);
        assert!(
            Refusal::NotFound
                .answer(1)
                .headers()
                .get(header::RETRY_AFTER)
                .is_none()
        );
    }
}
