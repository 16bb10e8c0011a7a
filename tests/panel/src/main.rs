//! `panel-emulator`: a front panel in the terminal, to try `sekisho-panel` without the hardware.

#![expect(
    clippy::print_stdout,
    reason = "the purpose of the program is to show the panel"
)]

use std::io::BufRead as _;
use std::path::PathBuf;
use std::sync::mpsc::{TryRecvError, sync_channel};

use anyhow::Context as _;
use clap::Parser;
use emulator::{Emulator, svg, text};
use panel::message::Press;

/// Shows what `sekisho-panel` puts on the panel. Type `s` for a short press, `l` for a long one.
#[derive(Parser)]
struct Arguments {
    /// Path under which the program finds the panel.
    #[arg(long, value_name = "DEVICE")]
    link: PathBuf,
    /// A picture that is kept up to date.
    #[arg(long, value_name = "FILE.svg")]
    picture: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut emulator = Emulator::plug(&arguments.link).context("cannot plug the panel in")?;
    let (sender, typed) = sync_channel(1);
    std::thread::spawn(move || {
        let lines = std::io::stdin().lock().lines();
        lines
            .map_while(Result::ok)
            .try_for_each(|line| sender.send(line))
    });
    let mut before = None;
    loop {
        emulator.turn();
        match typed.try_recv().as_deref().map(str::trim) {
            Ok("s") => emulator.press(Press::Short),
            Ok("l") => emulator.press(Press::Long),
            Ok(_) | Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return Ok(()),
        }
        let face = emulator.showing().face();
        if before.replace(face) != Some(face) {
            println!("{}", text(&face));
            if let Some(path) = &arguments.picture {
                std::fs::write(path, svg(&face)).context("cannot write the picture")?;
            }
        }
    }
}
