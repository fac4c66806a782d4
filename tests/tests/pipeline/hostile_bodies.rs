//! A thousand bodies made to break a parser: nasties written by hand, and good ones damaged by a seeded generator.

use hark_tests::random::Random;

/// One of them, and how it may be answered.
pub struct Hostile {
    pub what: &'static str,
    /// Each with its line end.
    pub headers: String,
    pub body: Vec<u8>,
    pub statuses: &'static [u16],
}

/// How many there are.
const BODIES: usize = 1_000;

const JSON: &str = "content-type: application/json\r\n";
const LINES: &str = "content-type: application/x-ndjson\r\n";
const REFUSED: &[u16] = &[422];
/// Damage may leave a good post, or none at all.
const EITHER: &[u16] = &[200, 413, 415, 422];

/// As a body of the webhook; the file source gets the same bytes as lines. The same seed gives the same.
pub fn all(seed: u64) -> Vec<Hostile> {
    let mut all = by_hand();
    let mut random = Random::new(seed, 0);
    while all.len() < BODIES {
        let (headers, mut body) = whole(&mut random);
        for _ in 0..=random.below(4) {
            random.damage(&mut body, &TOKENS);
        }
        all.push(Hostile { what: "damaged", headers: headers.to_owned(), body, statuses: EITHER });
    }
    all
}

fn by_hand() -> Vec<Hostile> {
    let deep =
        |open: &str, close: &str, times: usize| format!("{}{}", open.repeat(times), close.repeat(times));
    let text = |text: &str| format!("{{\"id\":\"x\",\"text\":{text}}}");
    let mut all = Vec::new();
    let mut add = |what, headers: &str, body: Vec<u8>, statuses| {
        all.push(Hostile { what, headers: headers.to_owned(), body, statuses });
    };
    for (what, body) in [
        ("nothing", String::new()),
        ("blanks", " \t\n ".to_owned()),
        ("a byte order mark alone", "\u{feff}".to_owned()),
        ("null", "null".to_owned()),
        ("a number", "1e999999".to_owned()),
        ("a string", "\"post\"".to_owned()),
        ("lists in lists", deep("[", "]", 100_000)),
        ("lists without an end", "[".repeat(500_000)),
        ("objects in objects", deep("{\"a\":", "1}", 50_000)),
        (
            "an author in authors",
            format!("{{\"id\":\"x\",\"text\":\"y\",\"author\":{}}}", deep("{\"author\":", "}", 200)),
        ),
        ("a lone surrogate", text("\"\\ud800\"")),
        ("a NUL", text("\"a\\u0000b\"")),
        ("a number as text", text("1")),
        ("a text of blanks", text("\"\\u00a0\\u2003\\t\"")),
        ("64 KiB and one byte", text(&format!("\"{}\"", "a".repeat(65_537)))),
        ("an id with a line end", "{\"id\":\"a\\nb\",\"text\":\"y\"}".to_owned()),
        ("an id of 1,025 bytes", format!("{{\"id\":\"{}\",\"text\":\"y\"}}", "i".repeat(1_025))),
        ("a key twice", "{\"id\":\"x\",\"id\":\"y\",\"text\":\"z\"}".to_owned()),
        ("ten thousand unknown keys", {
            let keys: Vec<String> = (0..10_000).map(|n| format!("\"k{n}\":{n}")).collect();
            format!("{{{}}}", keys.join(","))
        }),
        ("a prototype", "{\"__proto__\":{\"id\":1},\"id\":\"x\",\"text\":\"y\"}".to_owned()),
        ("followers below zero", "{\"id\":\"x\",\"text\":\"y\",\"author\":{\"followers\":-1}}".to_owned()),
        (
            "followers beyond 64 bits",
            format!("{{\"id\":\"x\",\"text\":\"y\",\"author\":{{\"followers\":{}}}}}", "9".repeat(400)),
        ),
        ("a revision of 2^64", "{\"id\":\"x\",\"text\":\"y\",\"revision\":18446744073709551616}".to_owned()),
        ("a rating that is no number", "{\"id\":\"x\",\"text\":\"y\",\"rating\":NaN}".to_owned()),
        (
            "the year 10000",
            "{\"id\":\"x\",\"text\":\"y\",\"created_at\":\"10000-01-01T00:00:00Z\"}".to_owned(),
        ),
        (
            "the 30th of February",
            "{\"id\":\"x\",\"text\":\"y\",\"created_at\":\"2026-02-30T00:00:00Z\"}".to_owned(),
        ),
        ("a script as address", "{\"id\":\"x\",\"text\":\"y\",\"url\":\"javascript:alert(1)\"}".to_owned()),
        ("a comment", "/* */ {\"id\":\"x\",\"text\":\"y\"}".to_owned()),
        ("two posts in a row", "{\"id\":\"x\",\"text\":\"y\"} {\"id\":\"z\",\"text\":\"y\"}".to_owned()),
        ("a comma too many", "[{\"id\":\"x\",\"text\":\"y\"},]".to_owned()),
        (
            "seventeen media",
            format!("{{\"id\":\"x\",\"text\":\"y\",\"media_urls\":{:?}}}", vec!["https://a.example/"; 17]),
        ),
        (
            "XML",
            "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>"
                .to_owned(),
        ),
        ("a form", "id=x&text=y".to_owned()),
    ] {
        add(what, JSON, body.into_bytes(), REFUSED);
    }
    for (what, body) in [
        ("combining marks by the thousand", text(&format!("\"garage{}\"", "\\u0301".repeat(5_000)))),
        ("a text of zero width", text("\"\\u200b\\u200d\\ufeff\"")),
        ("right to left and back", text("\"\\u202egarage\\u202c \\u2066x\\u2069\"")),
        ("only flags", text(&format!("\"{}\"", "🇸🇪".repeat(4_000)))),
        ("a word of 60,000 letters", text(&format!("\"{}\"", "garage".repeat(10_000)))),
        ("60,000 words", text(&format!("\"{}\"", "a ".repeat(30_000)))),
        ("60,000 digits", text(&format!("\"{}\"", "7 ".repeat(30_000)))),
        ("mentions and hashes", text(&format!("\"{}\"", "@#".repeat(30_000)))),
        (
            "what looks like a pattern",
            text("\"(a+)+$ [[:alpha:]]* \\\\1 %s%n ${SHOP_TOKEN} {{7*7}} garage\""),
        ),
        ("every control character but NUL", {
            let escapes: String = (1..32).map(|n| format!("\\u{n:04x}")).collect();
            text(&format!("\"garage {escapes}\""))
        }),
        ("characters outside the first plane", text(&format!("\"{}\"", "𝕘𝕒𝕣𝕒𝕘𝕖 ".repeat(2_000)))),
        ("the delete of a post nobody knows", "{\"id\":\"never\",\"op\":\"delete\"}".to_owned()),
        ("an id of 1,024 bytes", format!("{{\"id\":\"{}\",\"text\":\"y\"}}", "i".repeat(1_024))),
    ] {
        add(what, JSON, body.into_bytes(), EITHER);
    }
    add("bytes that are no UTF-8", JSON, b"{\"id\":\"x\",\"text\":\"\xff\xfe\xc0\x80\"}".to_vec(), REFUSED);
    add("UTF-16", JSON, "{\"id\":\"x\"}".encode_utf16().flat_map(u16::to_le_bytes).collect(), REFUSED);
    add("zeros", JSON, vec![0; 100_000], REFUSED);
    add("too long by one byte", JSON, vec![b' '; 1_048_577], &[413]);
    add(
        "ten thousand and one posts",
        LINES,
        "{\"id\":\"x\",\"op\":\"delete\"}\n".repeat(10_001).into_bytes(),
        &[413, 422],
    );
    add("lines without posts", LINES, b"\n\r\n\n\r\r\n".to_vec(), &[200, 422]);
    add("a good line and a bad one", LINES, b"{\"id\":\"h\",\"text\":\"y\"}\nnope\n".to_vec(), REFUSED);
    add("no content type", "", b"{\"id\":\"x\",\"text\":\"y\"}".to_vec(), &[415]);
    add("a picture", "content-type: image/png\r\n", vec![0x89, 0x50, 0x4e, 0x47], &[415]);
    add("an unknown encoding", &format!("{JSON}content-encoding: br\r\n"), vec![1, 2, 3], &[415]);
    add(
        "gzip that is none",
        &format!("{JSON}content-encoding: gzip\r\n"),
        b"no gzip at all".to_vec(),
        &[400, 415, 422],
    );
    add(
        "gzip cut short",
        &format!("{JSON}content-encoding: gzip\r\n"),
        gzip_bomb()[..40].to_vec(),
        &[400, 413, 415, 422],
    );
    add("a gzip bomb", &format!("{JSON}content-encoding: gzip\r\n"), gzip_bomb(), &[413]);
    all
}

/// A good body, to be damaged.
fn whole(random: &mut Random) -> (&'static str, Vec<u8>) {
    let n = random.below(1_000);
    let post = format!(
        r#"{{"id":"h-{n}","text":"Kto poleci garage w mieście {n}? 🚗 Zażółć gęślą jaźń","op":"edit","revision":"2026-05-04T09:41:00Z","instance":"forum.example","title":"Still waiting","lang":"pl","url":"https://forum.example/t/77#p-{n}","author":{{"id":"u-9","handle":"@karin","name":"Karin L.","followers":5400,"verified":false,"bot":false}},"thread":{{"root":"p-1","parent":"p-2"}},"rating":1,"place":"Lund","visibility":"public","created_at":"2026-05-04T09:30:00Z","engagement":{{"likes":12,"replies":3,"shares":1,"views":900}},"media_urls":["https://forum.example/media/1.jpg"]}}"#
    );
    match random.below(3) {
        0 => (JSON, post.into_bytes()),
        1 => (JSON, format!("[{post},{post}]").into_bytes()),
        _ => (LINES, format!("{post}\n{post}\n").into_bytes()),
    }
}

const TOKENS: [&str; 16] = [
    "\"", "\\", "{", "}", "[", "]", ",", ":", "null", "-", "1e400", "\\u0000", "\\ud83d", "\u{202e}", "\n",
    "\"id\":",
];

/// 10 MiB of blanks in some 10 KiB: blocks of DEFLATE with fixed codes, each a literal and copies of it, by hand so that no test
/// needs a packer.
pub fn gzip_bomb() -> Vec<u8> {
    let mut bits = Bits::default();
    // The last block, fixed codes.
    bits.put(1, 1);
    bits.put(1, 2);
    // A blank: literal 0x20 is code 0x30 + 0x20 in eight bits, most significant bit first.
    bits.put_code(0x50, 8);
    for _ in 0..(10 * 1024 * 1024 / 258) {
        // Length 258 (code 285: 0xC5 in eight bits), distance 1 (code 0 in five).
        bits.put_code(0xC5, 8);
        bits.put_code(0, 5);
    }
    bits.put_code(0, 7);
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    packed.extend(bits.end());
    // Nobody gets so far as to check the sum and the length.
    packed.extend([0; 8]);
    packed
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    /// Least significant bit first.
    fn put(&mut self, value: u32, bits: usize) {
        for bit in 0..bits {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.len() - 1;
            self.bytes[last] |= u8::from((value >> bit) & 1 == 1) << (self.used % 8);
            self.used += 1;
        }
    }

    /// Huffman codes go in the other way round.
    fn put_code(&mut self, code: u32, bits: usize) {
        for bit in (0..bits).rev() {
            self.put((code >> bit) & 1, 1);
        }
    }

    fn end(self) -> Vec<u8> {
        self.bytes
    }
}

/// Pages that a feed reader is to survive.
pub fn feeds() -> Vec<Vec<u8>> {
    let item = "<item><title>t</title><guid>g</guid><description>d</description></item>";
    let channel =
        |inner: &str| format!("<?xml version=\"1.0\"?><rss version=\"2.0\"><channel>{inner}</channel></rss>");
    let entities: String =
        (1..12).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    let mut pages: Vec<Vec<u8>> = [
        String::new(),
        "<".to_owned(),
        "{".to_owned(),
        "[".repeat(200_000),
        "<a>".repeat(200_000),
        channel(&"<item>".repeat(50_000)),
        channel(&item.repeat(20_000)),
        channel(&format!("<item><title>{}</title></item>", "x".repeat(3_000_000))),
        channel("<item><title>&#0;&#x110000;&unknown;</title><guid>\u{1}</guid></item>"),
        channel("<item><pubDate>Thu, 99 Foo 99999 99:99:99 +9999</pubDate><guid>1</guid></item>"),
        channel(&format!("<item {}/>", "a=\"b\" ".repeat(50_000))),
        format!("<?xml version=\"1.0\"?><!DOCTYPE r [<!ENTITY l0 \"lol\">{entities}]><rss version=\"2.0\"><channel><item><title>&l11;</title></item></channel></rss>"),
        "<?xml version=\"1.0\"?><!DOCTYPE r [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><rss version=\"2.0\"><channel><title>&e;</title><item><title>&e;</title><guid>e</guid></item></channel></rss>".to_owned(),
        "<?xml version=\"1.0\" encoding=\"utf-7\"?><rss/>".to_owned(),
        "<feed xmlns=\"http://www.w3.org/2005/Atom\"><entry><id/><content type=\"xhtml\"><div/></content></entry></feed>".to_owned(),
        "{\"version\": \"https://jsonfeed.org/version/1.1\", \"items\": [{\"id\": 1e400}]}".to_owned(),
        "{\"version\": \"https://jsonfeed.org/version/1.1\", \"items\": [{\"id\": \"1\", \"content_html\": \"<a><b><i>\"}]}".to_owned(),
    ]
    .map(String::into_bytes)
    .into();
    pages.push(vec![0xff; 100_000]);
    pages.push(
        channel("<item><title>\u{fffd}</title></item>").into_bytes().iter().map(|byte| byte ^ 0x80).collect(),
    );
    let mut random = Random::new(3, 0);
    for _ in 0..20 {
        let mut page = channel(&item.repeat(5)).into_bytes();
        for _ in 0..=random.below(5) {
            random.damage(&mut page, &TOKENS);
        }
        pages.push(page);
    }
    pages
}
