//! The result of a self-test: for people as text, for panel and page as JSON. Numbers and fixed
//! words only, so that nothing of the site gets into it.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::judge::Verdict;
use crate::settings::Site;
use crate::{Fault, Layer};

/// The result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Version of the program: major, minor, patch.
    pub version: [u16; 3],
    /// When it was made, in seconds since 1970 by the clock of the device, right or wrong.
    pub at_seconds: i64,
    /// The four digits; 0 when all is well.
    pub code: u16,
    /// Which of the lines is at fault, counted from 1 as in `device.toml`, where it is one of them.
    pub line: Option<u8>,
    /// How each layer stands, in the order in which they were examined.
    pub layers: Vec<LayerState>,
}

/// How one layer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerState {
    /// Which.
    pub layer: Layer,
    /// How.
    pub state: State,
}

/// How a layer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// In order.
    Passed,
    /// The first that is at fault.
    Failed,
    /// One before it failed.
    NotReached,
    /// The transport has no such layer.
    NotNeeded,
}

/// The layers in the order in which they are examined: a time server in the closed network can be
/// asked only when line and tunnel stand.
pub fn order(time_behind_line: bool) -> [Layer; 7] {
    let [link, address, time, carrier, tunnel, certificate, centre] = Layer::ALL;
    match time_behind_line {
        false => Layer::ALL,
        true => [link, address, carrier, tunnel, time, certificate, centre],
    }
}

impl Report {
    /// Examines the layers one after the other, up to the first that fails. `examine` gives its
    /// verdict, and which line it is about.
    pub fn make(
        site: &Site,
        time_behind_line: bool,
        mut examine: impl FnMut(Layer) -> (Verdict, Option<u8>),
    ) -> Self {
        let mut report = Self {
            version: [0; 3],
            at_seconds: 0,
            code: 0,
            line: None,
            layers: Vec::new(),
        };
        for layer in order(time_behind_line) {
            let state = match (report.code, layer) {
                (1.., _) => State::NotReached,
                (0, Layer::Tunnel) if !site.has_tunnel() => State::NotNeeded,
                (0, _) => match examine(layer) {
                    (Ok(()), _) => State::Passed,
                    (Err(fault), line) => {
                        (report.code, report.line) = (fault.code(), line);
                        State::Failed
                    }
                },
            };
            report.layers.push(LayerState { layer, state });
        }
        report
    }

    /// What is wrong; `None` when all is well.
    pub fn fault(&self) -> Option<Fault> {
        Fault::of(self.code)
    }

    /// The text for people: Japanese, then English.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for LayerState { layer, state } in &self.layers {
            let ((ja, en), mark) = (layer.words(), state.mark());
            // Writing to a text does not fail.
            let _ = writeln!(text, "{mark} {ja} / {en}");
        }
        let Some(fault) = self.fault() else {
            text.push_str("\n0000 すべて正常です。\n     All is well.\n");
            return text;
        };
        let entry = fault.entry();
        let (code, (layer_ja, layer_en)) = (fault.code(), fault.layer().words());
        let place = self.line.map_or(String::new(), |at| format!(" [{at}]"));
        let _ = write!(
            text,
            "\n{code} {layer_ja}{place}：{}\n     {}\n     {layer_en}: {}\n     {}\n",
            entry.ja, entry.next_ja, entry.en, entry.next_en
        );
        text
    }
}

impl State {
    const fn mark(self) -> &'static str {
        match self {
            Self::Passed => "○",
            Self::Failed => "×",
            Self::NotReached => "・",
            Self::NotNeeded => "－",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATEWAY: &str = include_str!("../../../config/examples/gateway.toml");

    fn site() -> Site {
        Site::parse(GATEWAY).unwrap()
    }

    #[test]
    fn the_first_layer_that_fails_is_named_and_no_later_one_is_asked() {
        let mut asked = Vec::new();
        let report = Report::make(&site(), false, |layer| {
            asked.push(layer);
            let time = layer == Layer::Time;
            (if time { Err(Fault::ClockOff) } else { Ok(()) }, None)
        });
        assert_eq!(asked, [Layer::Link, Layer::Address, Layer::Time]);
        assert_eq!(report.code, 3003);
        let states: Vec<_> = report.layers.iter().map(|it| it.state).collect();
        use State::{Failed, NotReached, Passed};
        let rest = [NotReached; 4];
        assert_eq!(states[..3], [Passed, Passed, Failed]);
        assert_eq!(states[3..], rest);
        let text = report.to_text();
        for part in ["3003 時刻：", "機器の時計", "Wait five minutes"] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_time_server_in_the_closed_network_is_asked_after_the_tunnel() {
        let tunnel = GATEWAY.replace("\"ip-vpn\"", "\"ipsec\"");
        let site = Site::parse(&tunnel).unwrap();
        let mut asked = Vec::new();
        let report = Report::make(&site, true, |layer| {
            asked.push(layer);
            (Ok(()), None)
        });
        assert_eq!(asked, order(true));
        assert!(asked.iter().position(|it| *it == Layer::Time) > Some(3));
        assert_eq!((report.code, report.fault()), (0, None));
        assert!(report.to_text().contains("0000"));
    }

    /// Panel and page read the same words that are written.
    #[test]
    fn the_report_is_numbers_and_fixed_words_and_comes_back_from_json() {
        let report = Report::make(&site(), false, |layer| match layer {
            Layer::Address => (Err(Fault::AddressTaken), Some(1)),
            _ => (Ok(()), None),
        });
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(
            json,
            "{\"version\":[0,0,0],\"at_seconds\":0,\"code\":2003,\"line\":1,\"layers\":[\
             {\"layer\":\"link\",\"state\":\"passed\"},\
             {\"layer\":\"address\",\"state\":\"failed\"},\
             {\"layer\":\"time\",\"state\":\"not-reached\"},\
             {\"layer\":\"carrier\",\"state\":\"not-reached\"},\
             {\"layer\":\"tunnel\",\"state\":\"not-reached\"},\
             {\"layer\":\"certificate\",\"state\":\"not-reached\"},\
             {\"layer\":\"centre\",\"state\":\"not-reached\"}]}"
        );
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
        assert!(serde_json::from_str::<Report>(&json.replace("\"line\"", "\"name\"")).is_err());
    }
}
