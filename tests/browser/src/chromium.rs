//! Chromium, spoken to over a pair of pipes (its DevTools protocol): no port that a stranger could
//! use, no driver in between.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};

use crate::Tab;

/// Names under which distributions install it.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// However slow the machine is, an answer comes before this.
const ANSWERS_WITHIN: Duration = Duration::from_secs(90);
/// The shell opens the pipes and hands them on as the descriptors 3 and 4 that Chromium expects.
const START: &str = r#"in=$1 out=$2; shift 2; exec "$@" 3<"$in" 4>"$out""#;

/// A running browser.
pub struct Chromium {
    line: Rc<RefCell<Line>>,
    child: Child,
    _profile: tempfile::TempDir,
}

/// The connection to the browser.
pub(crate) struct Line {
    input: File,
    output: Receiver<Value>,
    last: u64,
    /// Addresses that pages asked for.
    pub(crate) asked: Vec<String>,
}

impl Chromium {
    /// Starts a browser that takes `host` for this machine.
    ///
    /// # Errors
    /// There is no Chromium (`apt-get install chromium`), or it does not start.
    pub fn start(host: &str) -> Result<Self> {
        let program = NAMES.iter().find(|name| is_there(name));
        let program = program.context("no Chromium here: apt-get install chromium")?;
        let profile = tempfile::tempdir()?;
        let [input, output] = ["in", "out"].map(|name| profile.path().join(name));
        for pipe in [&input, &output] {
            mkfifo(pipe, Mode::S_IRWXU)?;
        }
        let child = Command::new("sh")
            .args(["-c", START, "sh"])
            .args([&input, &output])
            .arg(program)
            .args(arguments(profile.path(), host))
            .env("LANGUAGE", "ja")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("sh")?;
        // In the order in which the shell opens them, because each waits for the other end.
        let input = File::options().write(true).open(&input)?;
        let output = File::open(&output)?;
        let line = Line {
            input,
            output: listen(output),
            last: 0,
            asked: Vec::new(),
        };
        Ok(Self {
            line: Rc::new(RefCell::new(line)),
            child,
            _profile: profile,
        })
    }

    /// Opens an empty tab with cookies of its own, as another computer would have.
    ///
    /// # Errors
    /// The browser does not answer.
    pub fn tab(&self, width: u32, height: u32) -> Result<Tab> {
        let context = self.call("Target.createBrowserContext", json!({}))?;
        let context = text(&context, "browserContextId")?;
        let wanted = json!({"url": "about:blank", "browserContextId": context});
        let target = self.call("Target.createTarget", wanted)?;
        let target = text(&target, "targetId")?;
        let attached = json!({"targetId": target, "flatten": true});
        let session = self.call("Target.attachToTarget", attached)?;
        Tab::new(
            Rc::clone(&self.line),
            text(&session, "sessionId")?,
            width,
            height,
        )
    }

    /// Addresses that pages have asked for so far.
    pub fn asked(&self) -> Vec<String> {
        self.line.borrow().asked.clone()
    }

    fn call(&self, method: &str, params: Value) -> Result<Value> {
        self.line.borrow_mut().call(None, method, params)
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self
            .line
            .borrow_mut()
            .call(None, "Browser.close", json!({}));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Line {
    /// Asks and waits for the answer. What pages do meanwhile is noted.
    pub(crate) fn call(
        &mut self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value> {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": params});
        if let (Some(session), Some(fields)) = (session, message.as_object_mut()) {
            fields.insert("sessionId".to_owned(), session.into());
        }
        self.input.write_all(message.to_string().as_bytes())?;
        self.input.write_all(b"\0")?;
        loop {
            let heard = self.output.recv_timeout(ANSWERS_WITHIN);
            let heard = heard.with_context(|| format!("the browser is silent after {method}"))?;
            if heard.get("id").and_then(Value::as_u64) == Some(self.last) {
                if let Some(error) = heard.get("error") {
                    bail!("{method}: {error}");
                }
                return Ok(heard.get("result").cloned().unwrap_or_default());
            }
            if heard.get("method") == Some(&json!("Network.requestWillBeSent")) {
                let url = heard.pointer("/params/request/url").and_then(Value::as_str);
                self.asked.extend(url.map(str::to_owned));
            }
        }
    }
}

fn listen(output: File) -> Receiver<Value> {
    let (tell, told) = sync_channel(10_000);
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        loop {
            let mut bytes = Vec::new();
            match output.read_until(0, &mut bytes) {
                Ok(count) if count > 0 => {}
                _ => return,
            }
            bytes.pop();
            let Ok(message) = serde_json::from_slice(&bytes) else {
                return;
            };
            if tell.send(message).is_err() {
                return;
            }
        }
    });
    told
}

fn arguments(profile: &Path, host: &str) -> Vec<String> {
    let mut arguments: Vec<String> = [
        "--headless=new",
        "--remote-debugging-pipe",
        // Tests run as root in a container, where Chromium's own sandbox does not start.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--hide-scrollbars",
        "--lang=ja",
        // The certificate is the page's own; its fingerprint is what people check.
        "--ignore-certificate-errors",
    ]
    .map(str::to_owned)
    .into();
    arguments.push(format!("--host-resolver-rules=MAP {host} 127.0.0.1"));
    arguments.push(format!("--user-data-dir={}", profile.display()));
    arguments
}

fn is_there(name: &str) -> bool {
    let found = Command::new(name).arg("--version").output();
    found.is_ok_and(|found| found.status.success())
}

/// A text of an answer.
pub(crate) fn text(answer: &Value, field: &str) -> Result<String> {
    let text = answer.get(field).and_then(Value::as_str);
    text.map(str::to_owned)
        .ok_or_else(|| anyhow!("no {field} in {answer}"))
}
