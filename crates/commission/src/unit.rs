//! What a site may say to the service manager: whom a unit may call, what it reads, when it runs,
//! and which share is mounted. Never what is run, by whom, or with which rights.

/// What is wrong with a text: the line, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line(pub usize);

/// Options that a mount must have: nothing on a source is run, and nothing of it is changed.
const MOUNT_OPTIONS: [&str; 4] = ["ro", "nodev", "nosuid", "noexec"];
const MOUNTS: &str = "/mnt/";

/// Section and key, for units to which something is added.
const ADDED: [(&str, &str); 13] = [
    ("Unit", "After"),
    ("Unit", "Wants"),
    ("Unit", "RequiresMountsFor"),
    ("Service", "IPAddressAllow"),
    ("Service", "LoadCredentialEncrypted"),
    ("Service", "ReadOnlyPaths"),
    ("Service", "RestartSec"),
    ("Timer", "OnCalendar"),
    ("Timer", "OnBootSec"),
    ("Timer", "OnUnitActiveSec"),
    ("Timer", "RandomizedDelaySec"),
    ("Timer", "FixedRandomDelay"),
    ("Timer", "Persistent"),
];

/// Section and key, for mounts.
const MOUNTED: [(&str, &str); 7] = [
    ("Unit", "Description"),
    ("Unit", "After"),
    ("Unit", "Wants"),
    ("Mount", "What"),
    ("Mount", "Where"),
    ("Mount", "Type"),
    ("Mount", "Options"),
];

/// Judges what is added to a unit.
///
/// # Errors
/// The first line that says what a site may not say.
pub fn check_added(text: &str) -> Result<(), Line> {
    for line in lines(text) {
        let (number, section, key, _) = line?;
        if !ADDED.contains(&(section, key)) {
            return Err(Line(number));
        }
    }
    Ok(())
}

/// Judges a mount: below `/mnt/`, and with the options by which nothing on it is run or changed.
///
/// # Errors
/// The first line that says what a site may not say; 0 when something is missing.
pub fn check_mount(text: &str) -> Result<(), Line> {
    let (mut place, mut guarded) = (false, false);
    for line in lines(text) {
        let (number, section, key, value) = line?;
        if !MOUNTED.contains(&(section, key)) {
            return Err(Line(number));
        }
        match key {
            "Where" if value.starts_with(MOUNTS) && !value.contains("..") => place = true,
            "Where" => return Err(Line(number)),
            "Options" => {
                let options: Vec<&str> = value.split(',').collect();
                let all = MOUNT_OPTIONS.iter().all(|it| options.contains(it));
                // A second line, or a word that takes one back, would undo them.
                let undone = ["rw", "dev", "suid", "exec", "bind", "rbind", "remount"];
                if guarded || !all || options.iter().any(|it| undone.contains(it)) {
                    return Err(Line(number));
                }
                guarded = true;
            }
            _ => {}
        }
    }
    (place && guarded).then_some(()).ok_or(Line(0))
}

type Said<'a> = (usize, &'a str, &'a str, &'a str);

/// The assignments of a text: line, section, key, value. A line that goes on in the next one, or
/// that is none of what a unit is made of, is an error.
fn lines(text: &str) -> impl Iterator<Item = Result<Said<'_>, Line>> {
    let mut section = "";
    text.lines().enumerate().filter_map(move |(at, line)| {
        let (number, line) = (at + 1, line.trim());
        if line.ends_with('\\') || line.contains('\0') {
            return Some(Err(Line(number)));
        }
        if line.is_empty() || line.starts_with(['#', ';']) {
            return None;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            section = name;
            return None;
        }
        let said = line.split_once('=').ok_or(Line(number));
        Some(said.map(|(key, value)| (number, section, key.trim(), value.trim())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_says_whom_a_unit_calls_and_never_what_it_runs() {
        for (text, expected) in [
            ("# front\n[Service]\nIPAddressAllow=10.4.0.2/32\n", Ok(())),
            (
                "[Timer]\nOnCalendar=\nOnCalendar=*-*-* 02:00:00 Asia/Tokyo\n",
                Ok(()),
            ),
            ("[Service]\nExecStart=/bin/sh\n", Err(Line(2))),
            (
                "[Service]\nIPAddressAllow=10.4.0.2\nExecStartPre=-/bin/sh\n",
                Err(Line(3)),
            ),
            ("[Service]\nUser=root\n", Err(Line(2))),
            ("[Service]\nCapabilityBoundingSet=~\n", Err(Line(2))),
            ("[Timer]\nIPAddressAllow=any\n", Err(Line(2))),
            ("IPAddressAllow=any\n", Err(Line(1))),
            (
                "[Service]\nIPAddressAllow=1.2.3.4 \\\nExecStart=/bin/sh\n",
                Err(Line(2)),
            ),
            ("[Service]\n# a\\\nIPAddressAllow=1.2.3.4\n", Err(Line(2))),
            ("[Service]\nnonsense\n", Err(Line(2))),
        ] {
            assert_eq!(check_added(text), expected, "{text}");
        }
    }

    #[test]
    fn a_mount_is_below_mnt_and_can_be_neither_written_nor_run() {
        let mount = |place: &str, options: &str| {
            format!("[Mount]\nWhat=//server/share\nWhere={place}\nType=cifs\nOptions={options}\n")
        };
        let good = "ro,nodev,nosuid,noexec,vers=3.1.1";
        assert_eq!(check_mount(&mount("/mnt/ssmix2", good)), Ok(()));
        for (place, options) in [
            ("/usr/bin", good),
            ("/mnt/../usr", good),
            ("/mnt/ssmix2", "ro,nodev,nosuid"),
            ("/mnt/ssmix2", "ro,nodev,nosuid,noexec,rw"),
            ("/mnt/ssmix2", "ro,nodev,nosuid,noexec,bind"),
        ] {
            assert!(
                check_mount(&mount(place, options)).is_err(),
                "{place} {options}"
            );
        }
        let twice = format!("{}Options=rw\n", mount("/mnt/ssmix2", good));
        assert_eq!(check_mount(&twice), Err(Line(6)));
        assert_eq!(check_mount("[Mount]\nWhere=/mnt/a\n"), Err(Line(0)));
        assert_eq!(check_mount("[Service]\nExecStart=/bin/sh\n"), Err(Line(2)));
    }
}
