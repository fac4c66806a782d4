//! Text from HTML: what a reader would see, one line a block. Forgiving, because feeds carry whatever their authors wrote.

use std::{collections::HashMap, sync::OnceLock};

/// Elements that begin and end a line.
const BLOCKS: [&str; 26] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "br",
    "dd",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "table",
    "ul",
];
/// Further ones, of tables and forms.
const ROWS: [&str; 4] = ["tr", "section", "form", "option"];
/// Elements whose content nobody sees.
const HIDDEN: [&str; 7] = ["head", "iframe", "noscript", "script", "style", "template", "svg"];
/// Longest reference that is looked up; HTML's longest has 31 letters.
const MAX_REFERENCE: usize = 32;

/// The text of a piece of HTML, white space folded, blocks on lines of their own, never two empty lines.
pub(super) fn to_text(html: &str) -> String {
    let mut out = Text::default();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        out.push_encoded(&rest[..start]);
        rest = &rest[start..];
        rest = match tag(rest) {
            Some((name, after)) => {
                if is_in(&BLOCKS, name) || is_in(&ROWS, name) {
                    out.break_line();
                } else if is_in(&["td", "th"], name) {
                    out.push_plain(" ");
                }
                if is_in(&HIDDEN, name) && !rest.starts_with("</") { behind(after, name) } else { after }
            }
            None => match comment(rest) {
                Some(after) => after,
                None => {
                    // A lone `<`, as in "a < b".
                    out.push_plain("<");
                    &rest[1..]
                }
            },
        };
    }
    out.push_encoded(rest);
    out.finish()
}

/// Text in which references stand for characters, and no tags: a title.
pub(super) fn unescape(text: &str) -> String {
    let mut out = Text::default();
    out.push_encoded(text);
    out.finish()
}

/// Text as it is, white space folded.
pub(super) fn plain(text: &str) -> String {
    let mut out = Text::default();
    out.push_plain(text);
    out.finish()
}

fn is_in(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Name of the tag at the start of `html`, and what stands behind it. Attributes may hold `>` in quotes.
fn tag(html: &str) -> Option<(&str, &str)> {
    let inside = html.strip_prefix("</").or_else(|| html.strip_prefix('<'))?;
    if !inside.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return None;
    }
    let length = inside.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inside.len());
    let (name, attributes) = inside.split_at(length);
    let mut quote = None;
    for (at, c) in attributes.char_indices() {
        match (c, quote) {
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('>', None) => return Some((name, &attributes[at + 1..])),
            _ => {}
        }
    }
    // A quote that nobody closed: the first `>` will do. Cut short: all of it is tag.
    Some((name, attributes.find('>').map_or("", |at| &attributes[at + 1..])))
}

/// Behind a comment, a doctype or a processing instruction.
fn comment(html: &str) -> Option<&str> {
    let end = match html.strip_prefix("<!--") {
        Some(_) => "-->",
        None if html.starts_with("<![CDATA[") => "]]>",
        None if html.starts_with("<!") || html.starts_with("<?") || html.starts_with("</") => ">",
        None => return None,
    };
    Some(html.find(end).map_or("", |at| &html[at + end.len()..]))
}

/// Behind the end of an element whose content is left out.
fn behind<'a>(html: &'a str, name: &str) -> &'a str {
    let mut rest = html;
    while let Some(at) = rest.find("</") {
        let end = &rest[at..];
        // Before its end is looked for, which may be far: else a text of many beginnings takes time by the square of its length.
        let is_its = end.get(2..2 + name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name));
        if is_its
            && let Some((found, after)) = tag(end)
            && found.len() == name.len()
        {
            return after;
        }
        rest = &end[2..];
    }
    ""
}

/// Text in the making.
#[derive(Default)]
struct Text {
    text: String,
    /// White space that counts only if something follows.
    space: bool,
    line: bool,
}

impl Text {
    fn break_line(&mut self) {
        self.line = true;
    }

    fn push_plain(&mut self, text: &str) {
        for c in text.chars() {
            if c.is_whitespace() {
                self.space = true;
                continue;
            }
            if !self.text.is_empty() {
                if self.line {
                    self.text.push('\n');
                } else if self.space {
                    self.text.push(' ');
                }
            }
            (self.space, self.line) = (false, false);
            self.text.push(c);
        }
    }

    fn push_encoded(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = rest.find('&') {
            self.push_plain(&rest[..at]);
            rest = &rest[at..];
            match reference(rest) {
                Some((stands_for, after)) => {
                    self.push_plain(&stands_for);
                    rest = after;
                }
                None => {
                    self.push_plain("&");
                    rest = &rest[1..];
                }
            }
        }
        self.push_plain(rest);
    }

    fn finish(self) -> String {
        self.text
    }
}

/// What the reference at the start of `text` stands for, and what stands behind it.
fn reference(text: &str) -> Option<(String, &str)> {
    let end = text.bytes().take(MAX_REFERENCE + 2).position(|byte| byte == b';')?;
    let (name, after) = (&text[1..end], &text[end + 1..]);
    let Some(number) = name.strip_prefix('#') else {
        return named(name).map(|stands_for| (stands_for.to_owned(), after));
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    // What is no character, and what no text should hold, is nothing.
    let stands_for = char::from_u32(code).filter(|c| !c.is_control() || c.is_whitespace());
    Some((stands_for.map(String::from).unwrap_or_default(), after))
}

/// The named references of HTML: a line `name characters` for each, from the table of the HTML standard as Python's `html.entities` has it.
/// (That of quick-xml 0.42 cuts 444 of them short: `&cacute;`.)
fn named(name: &str) -> Option<&'static str> {
    static NAMES: OnceLock<HashMap<&str, &str>> = OnceLock::new();
    let read = || include_str!("entities.txt").lines().filter_map(|line| line.split_once(' ')).collect();
    NAMES.get_or_init(read).get(name).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn html_becomes_what_a_reader_sees() {
        for (html, text) in [
            ("plain", "plain"),
            ("  two\n words ", "two words"),
            ("<p>One</p><p>Two</p>", "One\nTwo"),
            ("One<br>Two<br/>Three", "One\nTwo\nThree"),
            ("<ul><li>a</li>\n<li>b</li></ul>c", "a\nb\nc"),
            ("<b>bold</b>ly <i>so</i>", "boldly so"),
            ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
            (
                "Tom &amp; Jerry &lt;3 &#8364;&#x20AC; za&#380;&oacute;&#322;&cacute;",
                "Tom & Jerry <3 €€ zażółć",
            ),
            ("a &nbsp; b", "a b"),
            ("R&D, AT&T; &unknown; &", "R&D, AT&T; &unknown; &"),
            ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
            ("<a href=\"x>y\" title='>'>link</a>!", "link!"),
            ("<script>if (a < b) { alert('</p>') }</script>seen", "seen"),
            ("<STYLE>p{}</STYLE>seen<!-- <p>not</p> --> too", "seen too"),
            ("<script>never closed", ""),
            ("<script></scripture></Script >seen", "seen"),
            ("<!DOCTYPE html><?xml x?>seen", "seen"),
            ("cut <a href=\"", "cut"),
            ("cut <", "cut <"),
            ("<img src=x alt='never mind'>", ""),
            ("&#0;&#x1b;[2Jx&#99999999;", "[2Jx"),
            ("", ""),
        ] {
            assert_eq!(to_text(html), text, "{html}");
        }
        assert_eq!(unescape(" A &lt;b&gt; title &amp;c. "), "A <b> title &c.");
    }

    #[test]
    fn a_hidden_element_that_never_ends_is_left_out_in_time_linear_in_its_length() {
        // By its square this would take hours.
        assert_eq!(to_text(&format!("<script>{}", "</a".repeat(5_000_000))), "");
    }

    proptest! {
        #[test]
        fn whatever_is_fed_in_text_comes_out(html in "[<>/!&;#a-z\"'= \u{105}-]{0,200}") {
            let text = to_text(&html);
            prop_assert!(text.len() <= html.len() * 2 && text.trim() == text);
        }
    }
}
