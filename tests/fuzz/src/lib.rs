//! Fuzz targets of everything that reads bytes of strangers (P-15).
//!
//! A target takes any bytes, drives one reader with them and holds the answer against oracles: what
//! must be true whatever the bytes are. It panics when one of them is broken. The targets are
//! ordinary functions: the test of this crate replays the committed corpus through them, and the
//! thin programs in `libfuzzer/` hand them to libFuzzer.

mod astm;
mod batch;
mod cda;
mod decoder;
mod envelope;
mod evaluation;
mod folding;
mod index;
mod letter;
mod message;
mod names;
mod network;
mod order;
mod panel;
pub mod seeds;
mod share;
mod tokenizer;
mod transaction;
mod ups;

/// One fuzz target.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, that of its folder in `corpus/` and of its program.
    pub name: &'static str,
    /// Feeds it one input.
    ///
    /// It panics when an oracle is broken.
    pub run: fn(&[u8]),
}

/// Every target, in the order of their names.
pub const TARGETS: &[Target] = &[
    Target {
        name: "astm",
        run: astm::run,
    },
    Target {
        name: "batch",
        run: batch::run,
    },
    Target {
        name: "cda",
        run: cda::run,
    },
    Target {
        name: "decoder",
        run: decoder::run,
    },
    Target {
        name: "envelope",
        run: envelope::run,
    },
    Target {
        name: "evaluation",
        run: evaluation::run,
    },
    Target {
        name: "folders",
        run: cda::folders,
    },
    Target {
        name: "folding",
        run: folding::run,
    },
    Target {
        name: "index",
        run: index::run,
    },
    Target {
        name: "letter",
        run: letter::run,
    },
    Target {
        name: "message",
        run: message::run,
    },
    Target {
        name: "names",
        run: names::run,
    },
    Target {
        name: "network",
        run: network::run,
    },
    Target {
        name: "order",
        run: order::run,
    },
    Target {
        name: "panel",
        run: panel::run,
    },
    Target {
        name: "share",
        run: share::run,
    },
    Target {
        name: "tokenizer",
        run: tokenizer::run,
    },
    Target {
        name: "transaction",
        run: transaction::run,
    },
    Target {
        name: "ups",
        run: ups::run,
    },
];

/// Feeds one input to the target of a name.
///
/// # Panics
/// An oracle is broken, or there is no such target.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    #[expect(clippy::expect_used, reason = "documented")]
    let target = target.expect("no such target");
    (target.run)(data);
}
