//! The prefecture that an address begins with.

use record::content::Prefecture;
use text::fold;

/// Names by JIS X 0401 number, without the last character (都, 道, 府, 県).
const NAMES: [&str; 47] = [
    "北海",
    "青森",
    "岩手",
    "宮城",
    "秋田",
    "山形",
    "福島",
    "茨城",
    "栃木",
    "群馬",
    "埼玉",
    "千葉",
    "東京",
    "神奈川",
    "新潟",
    "富山",
    "石川",
    "福井",
    "山梨",
    "長野",
    "岐阜",
    "静岡",
    "愛知",
    "三重",
    "滋賀",
    "京都",
    "大阪",
    "兵庫",
    "奈良",
    "和歌山",
    "鳥取",
    "島根",
    "岡山",
    "広島",
    "山口",
    "徳島",
    "香川",
    "愛媛",
    "高知",
    "福岡",
    "佐賀",
    "長崎",
    "熊本",
    "大分",
    "宮崎",
    "鹿児島",
    "沖縄",
];

/// The prefecture of an address that begins with its full name. Cities alone (京都市, 広島市) do not
/// count: there are towns of equal names.
pub(crate) fn of_address(address: &str) -> Option<Prefecture> {
    let address = address.trim_start_matches(fold::is_blank);
    let (number, _) = (1u8..).zip(NAMES).find(|(number, name)| {
        let ending = match number {
            1 => '道',
            13 => '都',
            26 | 27 => '府',
            _ => '県',
        };
        address
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(ending))
    })?;
    Prefecture::new(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tells_its_prefecture_by_the_full_name() {
        for (address, number) in [
            ("北海道札幌市", Some(1)),
            ("東京都小金井市貫井南町", Some(13)),
            ("　神奈川県横浜市", Some(14)),
            ("京都府京都市", Some(26)),
            ("大阪府", Some(27)),
            ("和歌山県", Some(30)),
            ("沖縄県那覇市", Some(47)),
            ("京都市中京区", None),
            ("小金井市", None),
            ("", None),
        ] {
            assert_eq!(
                of_address(address).map(Prefecture::number),
                number,
                "{address}"
            );
        }
    }
}
