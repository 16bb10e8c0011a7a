//! What a stick says of itself over USB.

/// Longest serial number, in characters.
const SERIAL_MOST: usize = 64;

/// A stick, by what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stick {
    vendor: u16,
    product: u16,
    serial: String,
}

impl Stick {
    /// Reads the three texts that the kernel gives. `None` where one of them is none that could be
    /// registered: four hexadecimal digits twice, and 1 to 64 visible ASCII characters.
    pub fn new(vendor: &str, product: &str, serial: &str) -> Option<Self> {
        let visible = |byte: u8| byte.is_ascii_graphic();
        let fits = (1..=SERIAL_MOST).contains(&serial.len()) && serial.bytes().all(visible);
        Some(Self {
            vendor: number(vendor)?,
            product: number(product)?,
            serial: fits.then(|| serial.to_owned())?,
        })
    }

    /// Everything that tells it from others, for a keyed reference: the log never has the serial
    /// number itself.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&self.vendor.to_be_bytes());
        bytes.extend_from_slice(&self.product.to_be_bytes());
        bytes.extend_from_slice(self.serial.as_bytes());
        bytes
    }
}

fn number(text: &str) -> Option<u16> {
    let digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u16::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stick_without_a_proper_serial_number_is_nobody() {
        for (vendor, product, serial, known) in [
            ("0951", "1666", "E0D55EA573F4", true),
            ("0951", "1666", "", false),
            ("0951", "1666", "two words", false),
            ("0951", "1666", "日本", false),
            ("0951", "1666", &"1".repeat(65), false),
            ("951", "1666", "1", false),
            ("+951", "1666", "1", false),
            ("0951", "16666", "1", false),
        ] {
            let stick = Stick::new(vendor, product, serial);
            assert_eq!(stick.is_some(), known, "{vendor} {product} {serial}");
        }
    }
}
