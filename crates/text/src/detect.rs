//! Recognising the encoding of bytes that are not ISO-2022-JP: UTF-8, then CP932, then EUC-JP.

use encoding_rs::{EUC_JP, SHIFT_JIS};

use crate::jis::{Encoding, Repairs};

/// Decodes bytes that hold no escape and are not all ASCII. One encoding is sought for the whole;
/// only when none fits without an error is every line looked at by itself.
pub(crate) fn decode(bytes: &[u8], repairs: &mut Repairs) -> String {
    const MARK: &[u8] = b"\xEF\xBB\xBF";
    let bytes = bytes.strip_prefix(MARK).unwrap_or(bytes);
    let mut text = String::with_capacity(bytes.len() * 2);
    if !append(bytes, &mut text, repairs) {
        for line in bytes.split_inclusive(|&b| b == b'\r' || b == b'\n') {
            if !append(line, &mut text, repairs) {
                repairs.encoding.get_or_insert(Encoding::Cp932);
                text.push_str(&SHIFT_JIS.decode_without_bom_handling(line).0);
            }
        }
    }
    for character in text.chars() {
        let private = matches!(character, '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}');
        repairs.private_use += u32::from(private);
        repairs.undecodable += u32::from(character == char::REPLACEMENT_CHARACTER);
    }
    text
}

/// Appends the bytes in the one encoding that fits all of them; false when none does.
fn append(bytes: &[u8], text: &mut String, repairs: &mut Repairs) -> bool {
    if let Ok(unicode) = std::str::from_utf8(bytes) {
        if !unicode.is_ascii() {
            repairs.encoding.get_or_insert(Encoding::Utf8);
        }
        text.push_str(unicode);
        return true;
    }
    let cp932 = SHIFT_JIS.decode_without_bom_handling_and_without_replacement(bytes);
    let euc = EUC_JP.decode_without_bom_handling_and_without_replacement(bytes);
    let (encoding, decoded) = match (cp932, euc) {
        (Some(_), Some(euc)) if mostly_kana(&euc) => (Encoding::EucJp, euc),
        (Some(cp932), _) => (Encoding::Cp932, cp932),
        (None, Some(euc)) => (Encoding::EucJp, euc),
        (None, None) => return false,
    };
    repairs.encoding.get_or_insert(encoding);
    text.push_str(&decoded);
    true
}

/// Whether EUC-JP is the better reading where both fit. EUC-JP always fits CP932 as a row of
/// half-width kana; the reverse gives rare kanji and hardly ever full-width kana.
fn mostly_kana(euc: &str) -> bool {
    let (mut all, mut kana) = (0usize, 0usize);
    for character in euc.chars().filter(|c| !c.is_ascii()) {
        all += 1;
        kana += usize::from(matches!(character, 'ぁ'..='ん' | 'ァ'..='ー'));
    }
    kana * 4 >= all
}
