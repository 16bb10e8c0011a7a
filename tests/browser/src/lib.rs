//! The local page as people meet it: the real gateway in a real browser (Chromium, headless).

mod album;
mod chromium;
mod rules;
mod scene;
mod tab;

pub use album::Album;
pub use chromium::Chromium;
pub use rules::{Breach, Rules};
pub use scene::{Person, Scene};
pub use tab::Tab;
