//! Every page of a walk is looked at: by the rules of accessible pages, for its width, and by
//! people, who get pictures when `SEKISHO_PICTURES` names a folder.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::{Rules, Tab};

/// The narrowest window that pages must fit, and an ordinary one.
const SIZES: [(u32, u32); 2] = [(320, 640), (1280, 800)];

/// Looks at pages.
pub struct Album {
    rules: Rules,
    folder: Option<PathBuf>,
}

impl Album {
    /// Gets the rules ready.
    ///
    /// # Errors
    /// See [`Rules::load`].
    pub fn open() -> Result<Self> {
        let folder = std::env::var_os("SEKISHO_PICTURES").map(PathBuf::from);
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder)?;
        }
        Ok(Self {
            rules: Rules::load()?,
            folder,
        })
    }

    /// Looks at the page in a tab in both sizes, and leaves it at its first.
    ///
    /// # Errors
    /// It is wider than the window, or breaks a rule seriously.
    pub fn look(&self, tab: &Tab, name: &str) -> Result<()> {
        let (wide, high) = tab.size()?;
        for (width, height) in SIZES {
            tab.resize(width, height)?;
            ensure!(!tab.overflows()?, "{name} is wider than {width}");
            let breaches = self.rules.breaches(tab)?;
            let serious: Vec<_> = breaches.iter().filter(|it| it.is_serious()).collect();
            ensure!(serious.is_empty(), "{name} at {width}: {serious:?}");
            if let Some(folder) = &self.folder {
                tab.picture(&folder.join(format!("{name}-{width}.png")))?;
            }
        }
        tab.resize(wide, high)
    }

    /// The page as it is printed.
    ///
    /// # Errors
    /// It cannot be printed.
    pub fn print(&self, tab: &Tab, name: &str) -> Result<()> {
        match &self.folder {
            Some(folder) => tab.printed(&folder.join(format!("{name}.pdf"))),
            None => Ok(()),
        }
    }
}
