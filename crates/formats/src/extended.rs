//! The extended storage of SS-MIX2: documents of any kind, in folders that name their type.
//!
//! The order of use: [`identify`] each content folder, let [`crate::ssmix2::versions::resolve`]
//! choose among those of one patient by their [`Folder::name`], [`sniff()`] the files of what is
//! current, give those that [`Folder::wants`] to a [`Document`], and take [`withdrawal`] of what
//! was taken back. Files of every other format are counted by [`Content::drop_name`] and stay.

pub mod cda;
pub mod folder;
pub mod map;

mod document;
mod individual;
mod sniff;
mod xml;

pub use document::{Document, Folder, Identified, identify, withdrawal};
pub use folder::Folders;
pub use map::{Reader, Row, Table};
pub use sniff::{Content, HEAD, disagrees, sniff};
