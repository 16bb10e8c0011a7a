//! Only the gate says yes.

use privacy::gate::{DocumentVersion, Pass, Products};

fn skip(document: DocumentVersion, products: Products) -> Pass {
    Pass {
        document,
        products,
        forbidden: Vec::new(),
        allowed: Vec::new(),
    }
}

fn main() {}
