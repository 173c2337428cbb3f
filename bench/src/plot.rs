//! Bar charts as SVG: a few lines each, readable on light and dark pages.

use crate::text::say;

/// What a bar stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Doorward,
    /// What the parts can do alone.
    Limit,
    /// Another server.
    Peer,
}

/// One bar.
#[derive(Debug, Clone)]
pub struct Bar {
    pub label: String,
    pub value: f64,
    pub kind: Kind,
}

const WIDTH: f64 = 760.0;
/// Where bars begin, and how long the longest is.
const LEFT: f64 = 270.0;
const LONGEST: f64 = 390.0;
const HEAD: f64 = 48.0;
const LINE: f64 = 26.0;
/// Own background and colours for both kinds of page, since an image does not know which one it lies on. No variables,
/// for not everything that draws SVG knows them.
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1f2328}.t{font-weight:600;font-size:15px}\
    .u{fill:#59636e;font-size:12px}.p{fill:#ffffff}.Doorward{fill:#1f6feb}.Limit{fill:#8c959f}.Peer{fill:#bf8700}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.u{fill:#9198a1}.p{fill:#0d1117}.Doorward{fill:#4493f8}\
    .Limit{fill:#656c76}.Peer{fill:#d29922}}";

/// A chart of horizontal bars; the title is also what screen readers say.
pub fn bars(title: &str, unit: &str, bars: &[Bar]) -> String {
    let height = HEAD + LINE * bars.len() as f64 + 34.0;
    let most = bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" aria-label=\"{0}\">\n<style>{STYLE}</style>\n\
         <rect class=\"p\" width=\"100%\" height=\"100%\" rx=\"8\"/>\n\
         <text class=\"t\" x=\"16\" y=\"26\">{0}</text>\n\
         <text class=\"u\" x=\"{1}\" y=\"26\" text-anchor=\"end\">{2}</text>\n",
        escaped(title),
        WIDTH - 16.0,
        escaped(unit)
    );
    for (number, bar) in bars.iter().enumerate() {
        let top = HEAD + LINE * number as f64;
        let length = (bar.value / most * LONGEST).max(1.0);
        let line = format_args!(
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>\
             <rect class=\"{:?}\" x=\"{LEFT:.0}\" y=\"{:.0}\" width=\"{length:.1}\" height=\"18\" rx=\"2\"/>\
             <text class=\"u\" x=\"{:.1}\" y=\"{:.0}\">{}</text>\n",
            LEFT - 8.0,
            top + 14.0,
            escaped(&bar.label),
            bar.kind,
            top,
            LEFT + length + 6.0,
            top + 14.0,
            number_of(bar.value)
        );
        say(&mut svg, line);
    }
    legend(&mut svg, height, bars);
    svg.push_str("</svg>\n");
    svg
}

/// Only the kinds that occur.
fn legend(svg: &mut String, height: f64, bars: &[Bar]) {
    let kinds = [
        (Kind::Doorward, "Doorward"),
        (Kind::Limit, "what the parts can do alone"),
        (Kind::Peer, "another server"),
    ];
    let mut left = LEFT;
    for (kind, words) in kinds.into_iter().filter(|(kind, _)| bars.iter().any(|bar| bar.kind == *kind)) {
        let line = format_args!(
            "<rect class=\"{kind:?}\" x=\"{left:.0}\" y=\"{:.0}\" width=\"10\" height=\"10\"/>\
             <text class=\"u\" x=\"{:.0}\" y=\"{:.0}\">{words}</text>\n",
            height - 21.0,
            left + 15.0,
            height - 12.0
        );
        say(svg, line);
        left += 40.0 + 6.4 * words.len() as f64;
    }
}

/// Three digits that count, and commas between thousands.
fn number_of(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.*}", if value < 10.0 { 2 } else { 1 });
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_a_bar_for_each_value_and_escapes_words() {
        let bar = |label: &str, value, kind| Bar { label: label.to_owned(), value, kind };
        let svg = bars("a < b", "per s", &[bar("x & y", 2.0, Kind::Doorward), bar("z", 1.0, Kind::Peer)]);
        assert!(svg.contains("a &lt; b") && svg.contains("x &amp; y"));
        assert!(svg.contains("width=\"390.0\"") && svg.contains("width=\"195.0\""));
        assert!(svg.contains("another server") && !svg.contains("the parts"));
    }

    #[test]
    fn numbers_have_three_digits_or_commas() {
        let shown: Vec<String> = [0.123, 45.678, 100.0, 1234.5, 1_234_567.0].map(number_of).to_vec();
        assert_eq!(shown, ["0.12", "45.7", "100", "1,234", "1,234,567"]);
    }
}
