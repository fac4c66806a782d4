//! What surrounds a word: running text, a hashtag, a handle, a domain, or a stretch of a link where nothing counts.

use crate::fold::{Class, class, in_local_part};

/// The stretch without white space around a position, and what it is. Kept from word to word, so that each stretch is
/// looked at once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chunk {
    start: usize,
    end: usize,
    /// Host of a link, of a bare domain or of an e-mail address; empty range where there is none.
    host: (usize, usize),
    /// From here on nothing counts: path and query of a link.
    dead_after: usize,
    /// Nothing counts before this: scheme of a link, local part of an address.
    dead_before: usize,
}

/// Where a word stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Text,
    /// After `#`, which is at this position.
    Hashtag(usize),
    /// After `@`, which is at this position.
    Handle(usize),
    /// A label of a host name.
    Domain,
    /// Path, query, local part: no name here is a mention.
    Dead,
}

impl Place {
    /// What may stand between the words of a name, beside white space and hyphens.
    pub fn joints(self) -> &'static [char] {
        match self {
            Self::Hashtag(_) => &['_'],
            Self::Handle(_) => &['_', '.', '-'],
            Self::Domain => &['-'],
            Self::Text | Self::Dead => &[],
        }
    }
}

impl Chunk {
    /// The chunk around `at`; looks at the text only where `at` is past this one.
    pub fn around(&mut self, text: &str, at: usize) {
        if at < self.end && at >= self.start && self.end > 0 {
            return;
        }
        let start = text[..at]
            .rfind(char::is_whitespace)
            .map_or(0, |space| space + text[space..].chars().next().map_or(1, char::len_utf8));
        let end = text[at..].find(char::is_whitespace).map_or(text.len(), |space| at + space);
        *self = Self { start, end, host: (0, 0), dead_after: end, dead_before: start };
        let chunk = &text[start..end];
        if let Some(scheme) = chunk.find("://") {
            let host = start + scheme + 3;
            let host_end = end_of_host(text, host, end);
            // A user name before the host is no part of it.
            let host = text[host..host_end].rfind('@').map_or(host, |user| host + user + 1);
            let scheme_start = text[start..start + scheme].rfind(|c: char| !c.is_ascii_alphanumeric());
            self.dead_before = start + scheme_start.map_or(0, |before| before + 1);
            self.host = (host, host_end);
            self.dead_after = host_end;
            return;
        }
        let first = chunk.find(char::is_alphanumeric).map_or(start, |first| start + first);
        if let Some(sign) = chunk.find('@').map(|sign| start + sign)
            && sign > first
            // After anything else it begins a handle.
            && text[..sign].ends_with(in_local_part)
        {
            let host_end = end_of_host(text, sign + 1, end);
            if text[sign + 1..host_end].contains('.') && !text[start..first].contains('@') {
                self.host = (sign + 1, host_end);
                self.dead_before = first;
            } else {
                // `@name@server` of the fediverse: the server is not who is spoken of.
                self.dead_after = sign;
            }
            return;
        }
        let host_end = end_of_host(text, first, end);
        if is_domain(&text[first..host_end], &text[host_end..end])
            && !text[start..first].ends_with(['@', '#'])
        {
            self.host = (first, host_end);
            self.dead_before = first;
            self.dead_after = if text[host_end..].starts_with(['/', '?']) { host_end } else { end };
        }
    }

    /// Where the host ends, if there is one.
    pub fn host_end(&self) -> usize {
        self.host.1
    }

    /// Where a word at `at`, inside the chunk, stands.
    pub fn place(&self, text: &str, at: usize) -> Place {
        let (host, host_end) = self.host;
        if (host..host_end).contains(&at) {
            return Place::Domain;
        }
        if host_end > 0 && at >= self.dead_before && at < host || at >= self.dead_after && host_end > 0 {
            return Place::Dead;
        }
        if at >= self.dead_after {
            return Place::Dead;
        }
        let sign = text[self.start..at].char_indices().rev().take(MAX_LABEL).find(|(_, c)| !in_label(*c));
        match sign {
            Some((sign, '#' | '＃')) => Place::Hashtag(self.start + sign),
            Some((sign, '@' | '＠')) => Place::Handle(self.start + sign),
            _ => Place::Text,
        }
    }

    /// Whether a name from `start` to `end` is all of the label it stands in; always so in running text. For a hashtag
    /// or handle the start that includes its sign is given back.
    pub fn whole_label(&self, text: &str, place: Place, start: usize, end: usize) -> Option<usize> {
        match place {
            Place::Text => Some(start),
            Place::Dead => None,
            Place::Hashtag(sign) => {
                let whole = only_sign(text, sign, start) && !continues(text, end, &['_']);
                whole.then_some(sign)
            }
            Place::Handle(sign) => {
                let whole = only_sign(text, sign, start) && !continues(text, end, &['_', '.', '-']);
                whole.then_some(sign)
            }
            Place::Domain => {
                let (host, host_end) = self.host;
                let begins = start == host || text[..start].ends_with('.');
                let ends = end < host_end && text[end..host_end].starts_with('.') || end == host_end;
                // The last label is a country or a kind: "com" is not Como.
                let top_level = start > host && end == host_end && !text[start..end].contains('.');
                (begins && ends && end <= host_end && !top_level).then_some(start)
            }
        }
    }
}

/// No tag or handle is longer; without a bound a text of one long chunk would cost its length for each of its words.
const MAX_LABEL: usize = 256;

fn only_sign(text: &str, sign: usize, start: usize) -> bool {
    text[sign..start].chars().filter(|c| class(*c) == Class::Separator).count() == 1
}

/// Whether the label goes on after `end`: one of its joints and then a letter.
fn continues(text: &str, end: usize, joints: &[char]) -> bool {
    let rest = text[end..].trim_start_matches(joints);
    rest.len() < text.len() - end && rest.chars().next().is_some_and(|c| class(c) == Class::Letter)
}

fn in_label(c: char) -> bool {
    class(c) != Class::Separator || matches!(c, '_' | '.' | '-')
}

fn end_of_host(text: &str, start: usize, end: usize) -> usize {
    let host = &text[start..end];
    let length =
        host.find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '@'))).unwrap_or(host.len());
    start + host[..length].trim_end_matches(['.', '-']).len()
}

/// Endings of domains that people write without a scheme; another dotted word is taken as a missing space.
const TOP_LEVEL: &[&str] = &[
    "com", "org", "net", "eu", "info", "biz", "shop", "store", "app", "dev", "online", "io", "ai", "co",
    "pl", "se", "it", "ro", "uk", "ie", "us", "ca", "au", "de", "at", "ch", "fr", "es", "pt", "nl", "be",
    "dk", "no", "fi", "cz", "sk", "hu", "bg", "gr", "tr",
];

/// Whether a dotted word is a host: by its ending or, whatever that is, by "www." before it or a path behind it.
fn is_domain(host: &str, path: &str) -> bool {
    let Some((labels, last)) = host.rsplit_once('.') else { return false };
    if labels.split('.').any(str::is_empty) {
        return false;
    }
    let known = TOP_LEVEL.iter().any(|top| top.eq_ignore_ascii_case(last));
    let plain = last.len() >= 2 && last.bytes().all(|b| b.is_ascii_lowercase());
    let www = || host.get(..4).is_some_and(|www| www.eq_ignore_ascii_case("www."));
    let leads_on = || path.strip_prefix('/').is_some_and(|path| path.starts_with(char::is_alphanumeric));
    known || plain && (www() || leads_on())
}

/// White space and hyphens, which may stand between the words of any term.
pub(super) fn joins_words(c: char) -> bool {
    c.is_whitespace() || is_hyphen(c)
}

fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{2010}' | '\u{2011}' | '\u{ff0d}')
}

pub(super) fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}' | '\u{2018}' | '\u{02bc}' | '\u{b4}' | '`' | '\u{ff07}')
}

/// Whether what stands between two words of a post keeps them one name; `strict`: nothing but the joint may.
pub(super) fn keeps_together(between: &str, joint: Option<char>, strict: bool) -> bool {
    let is_joint = |c: char| {
        joint.is_some_and(|joint| match joint {
            '\'' => is_apostrophe(c),
            '-' => is_hyphen(c),
            joint => joint == c,
        })
    };
    // `C Klub` is no `C++ Klub`; dots and ampersands may be left out.
    let missing = matches!(joint, Some('+' | '#')) && !between.contains(is_joint);
    !missing
        && between
            .chars()
            .filter(|c| class(*c) == Class::Separator)
            .all(|c| joins_words(c) && !strict || is_joint(c))
}
