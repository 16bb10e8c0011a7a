//! Only the gate says yes.

use privacy::gate::{DocumentVersion, Pass};

fn skip(document: DocumentVersion) -> Pass {
    Pass { document }
}

fn main() {}
