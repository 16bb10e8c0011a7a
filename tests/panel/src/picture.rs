//! Pictures of a panel.

use std::fmt::Write as _;

use panel::{COLUMNS, Colour, Face, Light, Line, Rhythm};

/// The lights' letters, and what is printed below them.
const LIGHTS: [(&str, &str); 3] = [
    ("A", "機器 Device"),
    ("B", "回線 Network"),
    ("C", "データ Data"),
];

const MIDDLE: &str = r#"text-anchor="middle""#;
const MONO: &str = r#"font-size="26" font-family="'Noto Sans Mono CJK JP', monospace""#;

/// A panel in letters: the display, then a line for each light.
#[must_use]
pub fn text(face: &Face) -> String {
    let [upper, lower] = face.lines;
    let edge = format!("+{}+", "-".repeat(COLUMNS));
    let mut text = format!("{edge}\n|{upper}|\n|{lower}|\n{edge}\n");
    for ((letter, _), light) in LIGHTS.into_iter().zip(face.lights) {
        let lit = match light {
            Light::Off => "off".to_owned(),
            Light::Lit(colour, rhythm) => format!("{colour:?} {rhythm:?}").to_lowercase(),
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{letter} {lit}");
    }
    text
}

/// A panel as SVG: the housing with its lights, their rhythms drawn as bars, display and button.
#[must_use]
pub fn svg(face: &Face) -> String {
    let mut svg = String::from(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 220"
 font-family="'Noto Sans CJK JP', sans-serif" fill="#222">
<rect x="4" y="4" width="632" height="212" rx="14" fill="#e9e9e4" stroke="#555"/>
<rect x="232" y="34" width="300" height="98" rx="6" fill="#24361f"/>
"##,
    );
    for ((place, (letter, name)), light) in (0..).zip(LIGHTS).zip(face.lights) {
        lamp(48 + 66 * place, letter, name, place, light, &mut svg);
    }
    for (line, y) in face.lines.iter().zip([76, 116]) {
        letters(line, y, &mut svg);
    }
    svg.push_str(
        r##"<circle cx="584" cy="83" r="24" fill="#d0d0ca" stroke="#555" stroke-width="2"/>
<g text-anchor="middle">
<text x="584" y="136" font-size="13">ボタン</text>
<text x="584" y="153" font-size="12">Button</text>
<text x="382" y="178" font-size="13">短く押す：次の表示　3秒押す：自己診断</text>
<text x="382" y="196" font-size="12">short: next page, three seconds: self-test</text>
</g>
</svg>
"##,
    );
    svg
}

fn lamp(x: u32, letter: &str, name: &str, place: u32, light: Light, svg: &mut String) {
    let (fill, bars) = match light {
        Light::Off => ("#c4c4bd", ""),
        Light::Lit(colour, rhythm) => (
            match colour {
                Colour::Green => "#1f9d3a",
                Colour::Amber => "#e79a00",
                Colour::Red => "#d21f1f",
            },
            match rhythm {
                Rhythm::On => "48 0",
                Rhythm::Slow => "12 6",
                Rhythm::Fast => "3 3",
            },
        ),
    };
    let shape = match place {
        0 => format!(r#"<circle cx="{x}" cy="70" r="19""#),
        1 => format!(r#"<path d="M{x} 49 l21 38 h-42 z""#),
        _ => format!(r#"<rect x="{}" y="52" width="36" height="36""#, x - 18),
    };
    let _ = writeln!(
        svg,
        r##"{shape} fill="{fill}" stroke="#555" stroke-width="2"/>"##
    );
    let _ = writeln!(
        svg,
        r##"<text x="{x}" y="78" font-size="17" fill="#fff" {MIDDLE}>{letter}</text>"##
    );
    if !bars.is_empty() {
        let _ = writeln!(
            svg,
            r##"<path d="M{} 108 h48" stroke="#222" stroke-width="7" stroke-dasharray="{bars}"/>"##,
            x - 24
        );
    }
    let (ja, en) = name.split_once(' ').unwrap_or((name, ""));
    for (word, y, size) in [(ja, 136, 13), (en, 153, 12)] {
        let _ = writeln!(
            svg,
            r##"<text x="{x}" y="{y}" font-size="{size}" {MIDDLE}>{word}</text>"##
        );
    }
}

fn letters(line: &Line, y: u32, svg: &mut String) {
    for (x, letter) in (244..).step_by(17).zip(line.letters()) {
        let letter = match letter {
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '&' => "&amp;".to_owned(),
            ' ' => continue,
            letter => letter.to_string(),
        };
        let _ = writeln!(
            svg,
            r##"<text x="{}" y="{y}" fill="#c9f2a0" {MONO} {MIDDLE}>{letter}</text>"##,
            x + 9
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face() -> Face {
        Face {
            lights: [
                Light::Lit(Colour::Green, Rhythm::On),
                Light::Lit(Colour::Red, Rhythm::Fast),
                Light::Off,
            ],
            lines: [Line::new("ｶｲｾﾝ <&>"), Line::new("192.168.1.20")],
        }
    }

    #[test]
    fn the_text_says_everything() {
        assert_eq!(
            text(&face()),
            "+----------------+\n|ｶｲｾﾝ <&>        |\n|192.168.1.20    |\n+----------------+\n\
             A green on\nB red fast\nC off\n"
        );
    }

    #[test]
    fn the_picture_has_each_light_and_each_letter() {
        let svg = svg(&face());
        for part in [
            "#1f9d3a",
            "#d21f1f",
            "#c4c4bd",
            "&lt;</text>",
            "&amp;</text>",
            "ｾ</text>",
        ] {
            assert!(svg.contains(part), "{part}");
        }
        let drawn = svg.matches("font-size=\"26\"").count();
        assert_eq!(drawn, 7 + 12);
    }
}
