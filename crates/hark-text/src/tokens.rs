//! A post cut into tokens, in the form that the models count: folded words, emoji, emoticons, marks.

use crate::{
    alphabet,
    fold::{Class, class, fold_char},
};

/// What a token is; words and marks have their letters in [`Tokens::bytes_of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Letters and digits, folded; a run of digits is one `0`, a letter is repeated at most twice.
    Word,
    /// `!`, `?`, `...` and their runs.
    Mark,
    /// An emoji, or an emoticon under the emoji that it stands for.
    Emoji,
    /// A web address.
    Link,
    /// `@somebody`; the account of somebody's support desk, by its name, has a normal form of its own.
    Mention,
}

/// One token.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Byte offset in the text.
    pub start: usize,
    /// Byte offset past it in the text.
    pub end: usize,
    /// Two letters or more, all capitals.
    pub shouted: bool,
    /// A word that turns the next ones round.
    pub negation: bool,
    from: u32,
    to: u32,
}

/// The tokens of one text, in memory that is used again for the next one.
#[derive(Debug, Default)]
pub struct Tokens {
    /// Normal forms, a space before and after each, and at the end enough bytes to read past it.
    buffer: Vec<u8>,
    tokens: Vec<Token>,
}

/// Normal forms of tokens that are no words.
const LINK: &[u8] = b"\x01link";
const NAME: &[u8] = b"\x01name";
pub(crate) const DESK: &[u8] = b"\x01desk";

/// Longer words are cut: no language has them, and features are counted a letter.
const MAX_WORD_BYTES: usize = 48;
/// Bytes past the last token that [`Tokens::window`] may read.
const PADDING: usize = 8;

impl Tokens {
    /// Cuts a text, and its title before it; tokens of the title have an empty range at 0.
    pub fn read(&mut self, title: &str, text: &str) {
        self.buffer.clear();
        self.buffer.push(b' ');
        self.tokens.clear();
        if !title.is_empty() {
            self.cut(title);
            for token in &mut self.tokens {
                (token.start, token.end) = (0, 0);
            }
        }
        self.cut(text);
        self.buffer.extend([0; PADDING]);
    }

    /// The tokens, in order.
    #[must_use]
    pub fn all(&self) -> &[Token] {
        &self.tokens
    }

    /// Normal form of a token.
    #[must_use]
    pub fn bytes_of(&self, token: &Token) -> &[u8] {
        &self.buffer[token.from as usize..token.to as usize]
    }

    /// Where the normal form of a token stands, and how many bytes it has; the buffer goes on for eight more.
    #[inline]
    pub(crate) fn place_of(&self, token: &Token) -> (&[u8], usize, usize) {
        (&self.buffer, token.from as usize, (token.to - token.from) as usize)
    }

    /// Positions in the buffer of a token with the spaces around it.
    pub(crate) fn padded(token: &Token) -> (usize, usize) {
        (token.from as usize - 1, token.to as usize + 1)
    }

    /// Eight bytes of the buffer, of which the first is the lowest.
    #[inline]
    pub(crate) fn window(&self, at: usize) -> u64 {
        window(&self.buffer, at)
    }

    fn cut(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            at = match byte {
                b' ' | b'\n' | b'\t' | b'\r' => at + 1,
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => match link_end(text, at) {
                    Some(end) => self.plain(TokenKind::Link, LINK, at, end),
                    None => self.word(text, at, false),
                },
                b'@' => match name_end(text, at + 1) {
                    end if end > at + 1 => {
                        let normal = if is_desk(&bytes[at + 1..end]) { DESK } else { NAME };
                        self.plain(TokenKind::Mention, normal, at, end)
                    }
                    _ => at + 1,
                },
                b'#' => self.hashtag(text, at + 1),
                b'!' | b'?' | b'.' => self.mark(bytes, at),
                b':' | b';' | b'=' | b'<' | b'^' => match emoticon(&text[at..]) {
                    Some((length, meaning)) => {
                        self.plain(TokenKind::Emoji, meaning.as_bytes(), at, at + length)
                    }
                    None => at + 1,
                },
                0..=0x7f => at + 1,
                _ => self.wide(text, at),
            };
        }
    }

    fn wide(&mut self, text: &str, at: usize) -> usize {
        let Some(c) = text[at..].chars().next() else { return at + 1 };
        let end = at + c.len_utf8();
        match alphabet::letter(c).map_or_else(|| class(c), |known| known.class) {
            Class::Letter => self.word(text, at, false),
            _ if c == '…' => self.plain(TokenKind::Mark, b"..", at, end),
            _ if is_emoji(c) => {
                let mut buffer = [0; 4];
                self.plain(TokenKind::Emoji, c.encode_utf8(&mut buffer).as_bytes(), at, end)
            }
            _ => end,
        }
    }

    /// The words of a hashtag, that capitals tell apart: `#NeverAgain` says what "never again" says.
    fn hashtag(&mut self, text: &str, start: usize) -> usize {
        let bytes = text.as_bytes();
        let mut at = start;
        while bytes.get(at).is_some_and(u8::is_ascii_alphanumeric) {
            at = self.word(text, at, true);
        }
        at
    }

    fn plain(&mut self, kind: TokenKind, normal: &[u8], start: usize, end: usize) -> usize {
        let from = self.position();
        self.buffer.extend_from_slice(normal);
        let to = self.position();
        self.buffer.push(b' ');
        self.tokens.push(Token { kind, start, end, shouted: false, negation: false, from, to });
        end
    }

    fn mark(&mut self, bytes: &[u8], start: usize) -> usize {
        let length = bytes[start..].iter().take_while(|byte| matches!(byte, b'!' | b'?' | b'.')).count();
        let run = &bytes[start..start + length];
        let normal: &[u8] = match (run.contains(&b'!'), run.contains(&b'?')) {
            (true, true) => b"?!",
            (true, false) if length > 1 => b"!!",
            (true, false) => b"!",
            (false, true) if length > 1 => b"??",
            (false, true) => b"?",
            (false, false) if length > 1 => b"..",
            (false, false) => b".",
        };
        self.plain(TokenKind::Mark, normal, start, start + length)
    }

    fn word(&mut self, text: &str, start: usize, in_hashtag: bool) -> usize {
        let bytes = text.as_bytes();
        let from = self.buffer.len();
        if let Some(end) = small_word_end(bytes, start) {
            self.buffer.extend_from_slice(&bytes[start..end]);
            return self.end_word(from, start, end, false, end);
        }
        let (mut at, mut end) = (start, start);
        let (mut letters, mut small) = (0, 0);
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'a'..=b'z' => {
                    small += 1;
                    letters += 1;
                    self.letter(from, byte);
                    at += 1;
                }
                b'A'..=b'Z' if in_hashtag && small > 0 => break,
                b'A'..=b'Z' => {
                    letters += 1;
                    self.letter(from, byte | 0x20);
                    at += 1;
                }
                b'0'..=b'9' => {
                    small += 1;
                    if self.buffer.last() != Some(&b'0') || self.buffer.len() == from {
                        self.letter(from, b'0');
                    }
                    at += 1;
                }
                // "don't" is one word; other apostrophes separate ("l'officina").
                b'\'' if is_t(bytes, at + 1) => {
                    at += 1;
                    continue;
                }
                0..=0x7f => break,
                _ => {
                    let Some(c) = text[at..].chars().next() else { break };
                    let known = alphabet::letter(c);
                    match known.map_or_else(|| class(c), |known| known.class) {
                        Class::Letter => {
                            letters += 1;
                            if let Some(known) = known {
                                small += usize::from(!known.upper);
                                known.folded().iter().for_each(|byte| self.letter(from, *byte));
                                at += c.len_utf8();
                                end = at;
                                continue;
                            }
                            small += usize::from(!c.is_uppercase());
                            fold_char(c, &mut |folded| {
                                let mut buffer = [0; 4];
                                for &byte in folded.encode_utf8(&mut buffer).as_bytes() {
                                    self.letter(from, byte);
                                }
                            });
                        }
                        Class::Mark | Class::Invisible => {}
                        Class::Separator if c == '\u{2019}' && is_t(bytes, at + 3) => {}
                        Class::Separator => break,
                    }
                    at += c.len_utf8();
                }
            }
            end = at;
        }
        self.end_word(from, start, end, letters > 1 && small == 0, at.max(start + 1))
    }

    /// Adds the word whose normal form the buffer has from `from` on; gives `next` back.
    #[inline]
    fn end_word(&mut self, from: usize, start: usize, end: usize, shouted: bool, next: usize) -> usize {
        let negation = is_negation(&self.buffer[from..]);
        let (from, to) = (u32::try_from(from).unwrap_or(u32::MAX), self.position());
        self.buffer.push(b' ');
        self.tokens.push(Token { kind: TokenKind::Word, start, end, shouted, negation, from, to });
        next
    }

    #[inline]
    fn letter(&mut self, from: usize, byte: u8) {
        let length = self.buffer.len();
        let thrice = length >= from + 2 && self.buffer[length - 1] == byte && self.buffer[length - 2] == byte;
        if !thrice && length - from < MAX_WORD_BYTES {
            self.buffer.push(byte);
        }
    }

    fn position(&self) -> u32 {
        u32::try_from(self.buffer.len()).unwrap_or(u32::MAX)
    }
}

/// Eight bytes of a buffer, of which the first is the lowest.
#[inline]
pub(crate) fn window(buffer: &[u8], at: usize) -> u64 {
    buffer[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Whether a folded word turns the next ones round, in the five languages and some others.
fn is_negation(word: &[u8]) -> bool {
    matches!(
        word,
        b"nie"
            | b"ani"
            | b"nigdy"
            | b"bez"
            | b"zaden"
            | b"zadna"
            | b"zadnego"
            | b"zadnej"
            | b"wcale"
            | b"inte"
            | b"ej"
            | b"icke"
            | b"aldrig"
            | b"ingen"
            | b"inget"
            | b"inga"
            | b"utan"
            | b"knappast"
            | b"non"
            | b"mai"
            | b"senza"
            | b"nessun"
            | b"nessuna"
            | b"nessuno"
            | b"niente"
            | b"neanche"
            | b"mica"
            | b"nu"
            | b"niciodata"
            | b"fara"
            | b"nici"
            | b"niciun"
            | b"nicio"
            | b"n"
            | b"not"
            | b"no"
            | b"never"
            | b"without"
            | b"cannot"
            | b"cant"
            | b"dont"
            | b"doesnt"
            | b"didnt"
            | b"isnt"
            | b"wasnt"
            | b"wont"
            | b"wouldnt"
            | b"aint"
            | b"arent"
            | b"couldnt"
            | b"havent"
            | b"hasnt"
            | b"shouldnt"
            | b"hardly"
            | b"nor"
            | b"nicht"
            | b"kein"
            | b"keine"
            | b"pas"
            | b"jamais"
            | b"nao"
            | b"nunca"
            | b"niet"
            | b"geen"
            | b"ikke"
            | b"ei"
    )
}

/// Where a word ends that is its own normal form, as most are: small ASCII letters, none of them thrice in a row.
#[inline]
fn small_word_end(bytes: &[u8], start: usize) -> Option<usize> {
    let (mut end, mut before) = (start, [0; 2]);
    while let Some(&byte) = bytes.get(end) {
        match byte {
            b'a'..=b'z' if before == [byte; 2] => return None,
            b'a'..=b'z' => before = [before[1], byte],
            b'A'..=b'Z' | b'0'..=b'9' | b'\'' | 0x80.. => return None,
            _ => break,
        }
        end += 1;
    }
    (end > start && end <= start + MAX_WORD_BYTES).then_some(end)
}

fn is_t(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at), Some(b't' | b'T')) && !bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric)
}

fn link_end(text: &str, at: usize) -> Option<usize> {
    let rest = &text.as_bytes()[at..];
    let link = match rest.first()? | 0x20 {
        b'h' => rest.starts_with(b"http://") || rest.starts_with(b"https://"),
        b'w' => rest.starts_with(b"www."),
        _ => false,
    };
    link.then(|| at + text[at..].find(char::is_whitespace).unwrap_or(text.len() - at))
}

fn name_end(text: &str, at: usize) -> usize {
    let joint = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
    let name = &text[at..];
    let name = &name[..name.find(|c| !joint(c)).unwrap_or(name.len())];
    at + name.trim_end_matches(['.', '-']).len()
}

/// Whether an account's name says that somebody answers there.
fn is_desk(name: &[u8]) -> bool {
    const SIGNS: [&[u8]; 12] = [
        b"help", b"support", b"care", b"service", b"cust", b"pomoc", b"obsluga", b"kundtj", b"hjalp",
        b"assist", b"clienti", b"suport",
    ];
    let at = |start: usize, sign: &[u8]| {
        name.get(start..start + sign.len()).is_some_and(|part| part.eq_ignore_ascii_case(sign))
    };
    at(0, b"ask") || SIGNS.iter().any(|sign| (0..name.len()).any(|start| at(start, sign)))
}

/// Emoticons, longest first, and the emoji that they mean.
fn emoticon(text: &str) -> Option<(usize, &'static str)> {
    const TABLE: &[(&str, &str)] = &[
        (":'-(", "😢"),
        (":'(", "😢"),
        (":-)", "🙂"),
        (":-(", "🙁"),
        (":-D", "😀"),
        (";-)", "😉"),
        (":-/", "😕"),
        (":-P", "😛"),
        (":-p", "😛"),
        (":-*", "😘"),
        ("</3", "💔"),
        (":)", "🙂"),
        ("=)", "🙂"),
        (":(", "🙁"),
        ("=(", "🙁"),
        (":D", "😀"),
        ("=D", "😀"),
        (";)", "😉"),
        (":/", "😕"),
        (":\\", "😕"),
        (":P", "😛"),
        (":p", "😛"),
        (";P", "😛"),
        (":*", "😘"),
        ("<3", "❤"),
        (":|", "😐"),
        (":O", "😮"),
        (":o", "😮"),
        ("^^", "🙂"),
        (":3", "🙂"),
        (":]", "🙂"),
        (":[", "🙁"),
        (";(", "😢"),
    ];
    let found = TABLE.iter().find(|(sign, _)| text.starts_with(sign))?;
    let length = found.0.len();
    // `:/` of a scheme and `:30` of a time are no faces, nor is `:D` of "Betyg:Dåligt".
    let glued = text[length..].starts_with(|next: char| next.is_alphanumeric() || next == '/');
    (!glued).then_some((length, found.1))
}

/// Pictographs; joiners, variation selectors and skin tones are no tokens of their own.
fn is_emoji(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1f3fa}' | '\u{1f400}'..='\u{1faff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> Vec<String> {
        let mut tokens = Tokens::default();
        tokens.read("", text);
        tokens.all().iter().map(|t| String::from_utf8_lossy(tokens.bytes_of(t)).into_owned()).collect()
    }

    #[test]
    fn small_words_are_what_their_capitals_are() {
        for text in
            ["a small word", "sooo looong aaaa", "don't #tag l'ora 1st x1", &"w".repeat(48), &"ab".repeat(25)]
        {
            assert_eq!(normal(text), normal(&text.to_ascii_uppercase()), "{text}");
        }
    }

    #[test]
    fn tokens_are_folded_words_marks_faces_links_and_names() {
        for (text, expected) in [
            ("Świetny SERWIS!!!", "swietny serwis !!"),
            ("I don't, isn’t, l'officina", "i dont isnt l officina"),
            ("soooo goood 2024 :) :-( xD", "soo good 0 🙂 🙁 xd"),
            ("see https://x.pl/a?b, @jan.kowalski. ok", "see \u{1}link \u{1}name . ok"),
            ("@NordbankHelp #NeverAgain #łódź #BTisRubbish", "\u{1}desk never again lodz btis rubbish"),
            ("at 10:30 really?! no… yes..", "at 0 0 really ?! no .. yes .."),
            ("👍🏽❤️", "👍 ❤"),
            ("@kvarnby🙂 tack, Betyg:Dåligt", "\u{1}name 🙂 tack betyg daligt"),
        ] {
            assert_eq!(normal(text).join(" "), expected, "{text}");
        }
    }
}
