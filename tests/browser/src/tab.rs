//! One tab: what a person does with mouse and keyboard, and what there is to see.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::chromium::{Line, text};

/// However slow the machine is, a page is there before this.
const SHOWS_WITHIN: Duration = Duration::from_secs(60);
const LOOKS_EVERY: Duration = Duration::from_millis(30);

/// One tab.
pub struct Tab {
    line: Rc<RefCell<Line>>,
    session: String,
}

impl Tab {
    pub(crate) fn new(
        line: Rc<RefCell<Line>>,
        session: String,
        width: u32,
        height: u32,
    ) -> Result<Self> {
        let tab = Self { line, session };
        for domain in ["Page", "Runtime", "Network"] {
            tab.call(&format!("{domain}.enable"), json!({}))?;
        }
        tab.resize(width, height)?;
        Ok(tab)
    }

    /// Makes the window as wide and high as this.
    pub fn resize(&self, width: u32, height: u32) -> Result<()> {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1,
            "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", size)
            .map(drop)
    }

    /// How wide and high the window is.
    pub fn size(&self) -> Result<(u32, u32)> {
        let size = self.run("[window.innerWidth, window.innerHeight]")?;
        let side = |place: usize| size.get(place).and_then(Value::as_u64);
        let (width, height) = side(0).zip(side(1)).context("size")?;
        Ok((u32::try_from(width)?, u32::try_from(height)?))
    }

    /// Opens an address and waits for the page.
    pub fn open(&self, address: &str) -> Result<()> {
        self.leaving()?;
        let opened = self.call("Page.navigate", json!({"url": address}))?;
        if let Some(error) = opened.get("errorText") {
            // A download is no page.
            ensure!(error == "net::ERR_ABORTED", "{address}: {error}");
        }
        self.arrived()
    }

    /// Runs a script in the page.
    pub fn run(&self, script: &str) -> Result<Value> {
        let wanted = json!({"expression": script, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", wanted)?;
        if let Some(wrong) = answer.get("exceptionDetails") {
            bail!("{script}: {wrong}");
        }
        Ok(answer.pointer("/result/value").cloned().unwrap_or_default())
    }

    /// Runs a script that leads to another page, and waits for it.
    pub fn run_and_go(&self, script: &str) -> Result<()> {
        self.leaving()?;
        self.run(script)?;
        self.arrived()
    }

    /// The text that a person sees.
    pub fn text(&self) -> Result<String> {
        let text = self.run("document.body.innerText")?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// The text of one element.
    pub fn text_of(&self, selector: &str) -> Result<String> {
        let script = format!("document.querySelector({}).innerText", json!(selector));
        let text = self.run(&script)?;
        Ok(text.as_str().unwrap_or_default().trim().to_owned())
    }

    /// Whether there is such an element.
    pub fn has(&self, selector: &str) -> Result<bool> {
        let script = format!("document.querySelector({}) !== null", json!(selector));
        Ok(self.run(&script)? == Value::Bool(true))
    }

    /// The path of the page's address.
    pub fn path(&self) -> Result<String> {
        let path = self.run("location.pathname")?;
        Ok(path.as_str().unwrap_or_default().to_owned())
    }

    /// Clicks with the mouse.
    pub fn click(&self, selector: &str) -> Result<()> {
        let script = format!(
            "(() => {{ const it = document.querySelector({}); \
             it.scrollIntoView({{block: 'center', behavior: 'instant'}}); \
             const box = it.getClientRects()[0]; \
             return [box.x + Math.min(box.width / 2, 200), box.y + box.height / 2]; }})()",
            json!(selector)
        );
        let place = self.run(&script).with_context(|| selector.to_owned())?;
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": place.get(0), "y": place.get(1),
                "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event)?;
        }
        Ok(())
    }

    /// Clicks on what leads to another page, and waits for it.
    pub fn follow(&self, selector: &str) -> Result<()> {
        self.leaving()?;
        self.click(selector)?;
        self.arrived()
    }

    /// Clicks into a field and writes over what is there.
    pub fn fill(&self, selector: &str, text: &str) -> Result<()> {
        self.click(selector)?;
        self.run(&format!(
            "document.querySelector({}).select()",
            json!(selector)
        ))?;
        self.type_text(text)
    }

    /// Types into what has the focus; on a page that has just come, once something has it.
    pub fn type_text(&self, text: &str) -> Result<()> {
        self.wait_for(":focus")?;
        self.call("Input.insertText", json!({"text": text}))
            .map(drop)
    }

    /// Presses a key: `Tab`, `Shift+Tab`, `Enter`, `Space`, `ArrowDown` or `ArrowRight`.
    pub fn press(&self, key: &str) -> Result<()> {
        let (shift, key) = match key.strip_prefix("Shift+") {
            Some(key) => (8, key),
            None => (0, key),
        };
        let (name, code, text) = match key {
            "Tab" => ("Tab", 9, ""),
            "Enter" => ("Enter", 13, "\r"),
            "Space" => (" ", 32, " "),
            "ArrowDown" => ("ArrowDown", 40, ""),
            "ArrowRight" => ("ArrowRight", 39, ""),
            other => bail!("no key {other}"),
        };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            let event = json!({"type": kind, "key": name, "code": key, "text": text,
                "windowsVirtualKeyCode": code, "modifiers": shift});
            self.call("Input.dispatchKeyEvent", event)?;
        }
        Ok(())
    }

    /// Presses a key that leads to another page, and waits for it.
    pub fn press_and_go(&self, key: &str) -> Result<()> {
        self.leaving()?;
        self.press(key)?;
        self.arrived()
    }

    /// Goes on with Tab until this element has the focus, as somebody without a mouse does. At each
    /// stop the focus must be seen.
    pub fn tab_to(&self, selector: &str) -> Result<()> {
        for _ in 0..80 {
            let script = format!(
                "(() => {{ const it = document.activeElement; \
                 const style = getComputedStyle(it); \
                 const shown = style.outlineStyle !== 'none' && \
                     parseFloat(style.outlineWidth) >= 2; \
                 return [it.matches({}), shown || it === document.body, it.outerHTML]; }})()",
                json!(selector)
            );
            let at = self.run(&script)?;
            if at.get(0) == Some(&Value::Bool(true)) {
                ensure!(at.get(1) == Some(&Value::Bool(true)), "focus unseen: {at}");
                return Ok(());
            }
            ensure!(at.get(1) == Some(&Value::Bool(true)), "focus unseen: {at}");
            self.press("Tab")?;
        }
        bail!("the keyboard does not reach {selector}")
    }

    /// Whether anything is wider than the window.
    pub fn overflows(&self) -> Result<bool> {
        let script = "document.documentElement.scrollWidth > window.innerWidth";
        Ok(self.run(script)? == Value::Bool(true))
    }

    /// A picture of the whole page.
    pub fn picture(&self, file: &Path) -> Result<()> {
        let wanted = json!({"format": "png", "captureBeyondViewport": true});
        let picture = self.call("Page.captureScreenshot", wanted)?;
        let bytes = base64(&text(&picture, "data")?).context("picture")?;
        Ok(std::fs::write(file, bytes)?)
    }

    /// The page as it is printed, as PDF.
    pub fn printed(&self, file: &Path) -> Result<()> {
        let wanted = json!({"paperWidth": 8.27, "paperHeight": 11.69});
        let printed = self.call("Page.printToPDF", wanted)?;
        let bytes = base64(&text(&printed, "data")?).context("print")?;
        Ok(std::fs::write(file, bytes)?)
    }

    /// The cookies of the tab.
    pub fn cookies(&self) -> Result<Vec<Value>> {
        let cookies = self.call("Network.getCookies", json!({}))?;
        let list = cookies.get("cookies").and_then(Value::as_array);
        Ok(list.cloned().unwrap_or_default())
    }

    /// Plants a cookie, as a thief does.
    pub fn plant(&self, address: &str, name: &str, value: &str) -> Result<()> {
        let cookie = json!({"url": address, "name": name, "value": value, "secure": true,
            "path": "/"});
        self.call("Network.setCookie", cookie).map(drop)
    }

    /// Gives the tab's computer an authenticator with a person who is verified. Gives its name.
    pub fn authenticator(&self) -> Result<String> {
        self.call("WebAuthn.enable", json!({}))?;
        let kind = json!({"options": {"protocol": "ctap2", "transport": "internal",
            "hasResidentKey": true, "hasUserVerification": true, "isUserVerified": true}});
        let made = self.call("WebAuthn.addVirtualAuthenticator", kind)?;
        text(&made, "authenticatorId")
    }

    /// Whether the person at the authenticator can show who they are.
    pub fn verifies(&self, authenticator: &str, verifies: bool) -> Result<()> {
        let wanted = json!({"authenticatorId": authenticator, "isUserVerified": verifies});
        self.call("WebAuthn.setUserVerified", wanted).map(drop)
    }

    /// Waits until an element is there.
    pub fn wait_for(&self, selector: &str) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < SHOWS_WITHIN {
            if self.has(selector)? {
                return Ok(());
            }
            sleep(LOOKS_EVERY);
        }
        bail!("no {selector} came")
    }

    /// Speaks to the browser's own protocol.
    pub fn call(&self, method: &str, params: Value) -> Result<Value> {
        self.line
            .borrow_mut()
            .call(Some(&self.session), method, params)
    }

    fn leaving(&self) -> Result<()> {
        self.run("window.leaving = true").map(drop)
    }

    fn arrived(&self) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < SHOWS_WITHIN {
            let script = "!window.leaving && document.readyState === 'complete'";
            // Between two pages there is nothing that could answer.
            if matches!(self.run(script), Ok(Value::Bool(true))) {
                return Ok(());
            }
            sleep(LOOKS_EVERY);
        }
        bail!("no page came: {}", self.text().unwrap_or_default())
    }
}

/// Reads base64 (RFC 4648) as the browser writes it.
fn base64(text: &str) -> Option<Vec<u8>> {
    let value = |byte: u8| {
        Some(match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        })
    };
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut bits) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        held = held << 6 | u32::from(value(byte)?);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 255).ok()?);
        }
    }
    Some(bytes)
}
