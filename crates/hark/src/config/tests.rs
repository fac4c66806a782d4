//! What a whole configuration means, and what is said about one that cannot be used.

use std::path::Path;

use super::*;

fn load(yaml: &str) -> Result<Config, Vec<String>> {
    Config::from_yaml(Path::new("conf/hark.yaml"), yaml)
        .map_err(|error| error.to_string().lines().skip(1).map(str::to_owned).collect())
}

fn problems(yaml: &str) -> Vec<String> {
    load(yaml).expect_err("it loads")
}

const WHOLE: &str = r##"
tenant: aurora
topic_prefix: aurora.hark
log:
  kafka:
    bootstrap_servers: ["k1:9092", "k2:9092"]
    tls: {ca: ca.pem}
    sasl: {mechanism: SCRAM-SHA-512, username: hark, password: "${HARK_TEST_UNSET_PASSWORD}"}
sources:
  - {name: forum, kind: webhook, secret: "${FORUM_SECRET}", max_body: 512KiB}
  - {name: reviews, kind: webhook, secret: ["${NEW}", "${OLD}"], token: "${TOKEN}", scope: owned, keep_payload: true, backfill: true}
  - {name: archive, kind: file, path: ["posts/*.jsonl", /var/posts.jsonl, "-"]}
subjects:
  - {name: aurora, kind: own, terms: [Aurora Motors, "@auroramotors", {text: Aurora, exact: true}], exclude: [aurora borealis, {words: night sky, near: 5}]}
  - {name: garage, kind: topic, terms: [warsztat, bilverkstad, 24h service], languages: [pl, sv]}
voices: {own: ["@auroramotors"], staff: ["@jan.nowak"], competitor: ["@rival"]}
teams: {sales: {}, support: {label: Obsługa klienta}, triage: {}}
rules:
  - {name: somebody looks for a garage, when: {subject: garage, intent: purchase, source: forum}, to: sales}
default: {to: triage}
http: {listen: "0.0.0.0:9000"}
tests:
  - say: "Szukam warsztatu, który jeszcze w tym tygodniu zrobi mi przegląd"
    source: forum
    author_followers: 9000
    expect: {team: sales, rule: somebody looks for a garage, tags: [], intents: purchase}
"##;

#[test]
fn a_whole_configuration_means_what_it_says() {
    // An empty list of tags expects nothing and is refused; the rest is the file of the docs.
    let config = load(&WHOLE.replace("tags: [], ", "")).unwrap();
    assert_eq!(config.tenant().unwrap(), "aurora");
    assert_eq!(config.topic_prefix, "aurora.hark");
    let LogConfig::Kafka(kafka) = &config.log else { panic!("not Kafka: {:?}", config.log) };
    assert_eq!(kafka.bootstrap_servers, "k1:9092,k2:9092");
    assert_eq!(
        kafka.properties().unwrap_err()[0].to_string(),
        "8:64: 'password' of 'sasl' needs the environment variable HARK_TEST_UNSET_PASSWORD, which is not set; set it: \
         export HARK_TEST_UNSET_PASSWORD=..."
    );
    let SourceKind::Webhook { secrets, token, max_body } = &config.sources[0].kind else { panic!() };
    assert_eq!((secrets.len(), token.is_some(), *max_body), (1, false, 512 * 1024));
    let SourceKind::Webhook { secrets, token, max_body } = &config.sources[1].kind else { panic!() };
    assert_eq!((secrets.len(), token.is_some(), *max_body), (2, true, 1024 * 1024));
    assert!(config.sources[1].owned && config.sources[1].keep_payload && !config.sources[0].owned);
    assert!(config.sources[1].backfill && !config.sources[0].backfill);
    let glob = |pattern: &str| FilePattern::Glob(pattern.to_owned());
    let paths = vec![glob("conf/posts/*.jsonl"), glob("/var/posts.jsonl"), FilePattern::Stdin];
    assert_eq!(config.sources[2].kind, SourceKind::File { paths });
    assert_eq!(config.subjects[0].terms.len(), 3);
    assert_eq!(config.subjects[0].exclude[1].near, Some(5));
    assert_eq!(config.voices.staff, ["@jan.nowak"]);
    assert_eq!(config.router().unwrap().teams().nth(1).unwrap().label, "Obsługa klienta");
    assert_eq!(config.http, Http { listen: "0.0.0.0:9000".parse().unwrap(), set: true, tls: None });
    let [test] = &*config.tests else { panic!("{:?}", config.tests) };
    let expected = [
        (Key::Team, Want::One("sales".to_owned())),
        (Key::Rule, Want::One("somebody looks for a garage".to_owned())),
        (Key::Intents, Want::AtLeast(vec!["purchase".to_owned()])),
    ];
    assert_eq!(test.expect, expected);
    assert_eq!(test.say.post.author, author(String::new(), Some(9000)));
}

#[test]
fn nothing_of_a_secret_is_ever_printed() {
    let config = load(&WHOLE.replace("tags: [], ", "")).unwrap();
    let printed = format!("{config:?}");
    assert!(printed.contains("Secret(${FORUM_SECRET})"), "{printed}");
    let written = problems("tenant: a\nsources: [{name: forum, kind: webhook, secret: whsec_TopSecret}]\n");
    assert_eq!(
        written,
        [
            "conf/hark.yaml:2:48: 'secret' of source 'forum' must not stand in the file; write it as \"${NAME}\" and set \
             the environment variable NAME"
        ]
    );
}

#[test]
fn sections_that_a_command_does_not_need_may_be_absent() {
    let config = load("subjects: [{name: aurora, kind: own, terms: Aurora}]").unwrap();
    assert!(config.matcher().is_ok());
    assert_eq!(config.log, LogConfig::Embedded { data: "conf/hark-data".into() });
    assert_eq!(config.http, Http::default());
    assert_eq!(config.topic_prefix, "hark");
    let missing = [config.tenant().unwrap_err().to_string(), config.router().unwrap_err().to_string()];
    assert_eq!(
        missing,
        [
            "the configuration cannot be used\nconf/hark.yaml: the key 'tenant' is missing; name your company: tenant: aurora",
            "the configuration cannot be used\nconf/hark.yaml: the key 'teams' is missing; name a team and make it the \
             default: teams: {triage: {}} and default: {to: triage}",
        ]
    );
}

#[test]
fn each_slip_is_named_with_place_and_remedy() {
    for (yaml, expected) in [
        ("", "conf/hark.yaml: the file is empty; 'hark init' writes one to start from"),
        ("# only a comment\n", "conf/hark.yaml: the file is empty; 'hark init' writes one to start from"),
        ("- a\n", "conf/hark.yaml:1:1: the configuration must be a map of keys and values, not a list"),
        (
            "tenant: a\ntenat: b\n",
            "conf/hark.yaml:2:1: unknown key 'tenat' in the configuration; did you mean 'tenant'?",
        ),
        (
            "tenant: a\ntenant: b\n",
            "conf/hark.yaml:2:1: the key 'tenant' is there twice; it stands on line 1 already",
        ),
        (
            "tenant: Aurora Motors\n",
            "conf/hark.yaml:1:9: 'tenant' must be lower-case letters, digits and hyphens, at most 64; a 'label' may be anything",
        ),
        (
            "topic_prefix: a b\n",
            "conf/hark.yaml:1:15: 'topic_prefix' must be at most 100 letters, digits, dots, hyphens or underscores; it may not begin or end with a dot",
        ),
        (
            "log: {data: x, kafka: {bootstrap_servers: k}}\n",
            "conf/hark.yaml:1:23: 'log' has both 'data' and 'kafka'; keep 'data' for the embedded log or 'kafka' for a cluster",
        ),
        ("log: {kafka: {}}\n", "conf/hark.yaml:1:14: 'kafka' lacks the key 'bootstrap_servers'"),
        (
            "log: {kafka: {bootstrap_servers: 'k:1', properties: {transactional.id: t}}}\n",
            "conf/hark.yaml:1:54: 'transactional.id' cannot be set in 'properties'; that no post is lost or repeated depends on Hark's own value; leave it out",
        ),
        (
            "log: {kafka: {bootstrap_servers: 'k:1', properties: {sasl.password: p}}}\n",
            "conf/hark.yaml:1:54: 'sasl.password' cannot be set in 'properties'; it has a key of its own: 'sasl.password' of 'kafka'",
        ),
        ("http: {tls: {certificate: c.pem}}\n", "conf/hark.yaml:1:13: 'tls' of 'http' lacks the key 'key'"),
        (
            "log: {kafka: {bootstrap_servers: 'k:1', sasl: {mechanism: SCRAM, username: u, password: p}}}\n",
            "conf/hark.yaml:1:59: unknown mechanism 'SCRAM' in 'sasl'; known are PLAIN, SCRAM-SHA-256, SCRAM-SHA-512",
        ),
        (
            "log: {kafka: {bootstrap_servers: 'k:1', tls: {certificate: c.pem}}}\n",
            "conf/hark.yaml:1:46: 'tls' needs 'certificate' and 'key' together",
        ),
        (
            "sources: [{name: news, kind: feed, url: x, every: 5m}]\n",
            "conf/hark.yaml:1:41: 'url' of source 'news' does not begin with http:// or https://; write it as https://news.example/rss, or as \"${NAME}\" where it holds a secret",
        ),
        (
            "sources: [{name: news, kind: feed, url: \"https://u:p@news.example/rss\"}]\n",
            "conf/hark.yaml:1:41: 'url' of source 'news' holds a user or password, which would be sent on to wherever the server redirects; write it as https://news.example/rss, or as \"${NAME}\" where it holds a secret",
        ),
        (
            "sources: [{name: news, kind: feed, url: \"https://news.example/rss\", every: 1s}]\n",
            "conf/hark.yaml:1:76: 'every' of source 'news' must be from 10s to 7d; 5m is what servers of feeds take for polite",
        ),
        (
            "sources: [{name: news, kind: feed, url: \"https://news.example/rss\", keep_payload: true}]\n",
            "conf/hark.yaml:1:11: source 'news' is a feed and says keep_payload; an entry has no document of its own; leave it out",
        ),
        (
            "sources: [{name: a, kind: webook, open: true}]\n",
            "conf/hark.yaml:1:27: unknown kind 'webook' in source 'a'; did you mean 'webhook'?",
        ),
        (
            "sources: [{name: a, kind: webhook}]\n",
            "conf/hark.yaml:1:11: source 'a' would take posts from anybody; give it a 'secret' or a 'token', or say 'open: true' if that is meant",
        ),
        (
            "sources: [{name: a, kind: webhook, open: true, max_body: 1GB}]\n",
            "conf/hark.yaml:1:58: 'max_body' of source 'a' must be a size from 1KiB to 64MiB, not the text '1GB'; write it as 512KiB or 1MiB",
        ),
        (
            "sources: [{name: a, kind: webhook, secret: [\"${A}\", \"${B}\", \"${C}\"]}]\n",
            "conf/hark.yaml:1:61: 'secret' of source 'a' has more than two; two are for the days in which a new one replaces the old",
        ),
        (
            "sources: [{name: a, kind: file, path: 'x/***'}]\n",
            "conf/hark.yaml:1:39: 'path' of source 'a' is not a pattern: wildcards are either regular `*` or recursive `**`",
        ),
        (
            "sources: [{name: a, kind: file, path: x, scope: own}]\n",
            "conf/hark.yaml:1:49: unknown scope 'own' in source 'a'; write 'owned', or leave the key out",
        ),
        (
            "sources: [{name: a, kind: file, path: x}, {name: a, kind: file, path: y}]\n",
            "conf/hark.yaml:1:43: two sources are named 'a'; the name is part of every post's id: give each its own",
        ),
        (
            "log: {kafka: {bootstrap_servers: ['k1:9092,[::1]:9092', 'k2:99999']}}\n",
            "conf/hark.yaml:1:57: 'k2:99999' in 'bootstrap_servers' of 'kafka' is not a host and a port; write it as k1:9092, the \
             port from 1 to 65535",
        ),
        (
            "log: {kafka: {bootstrap_servers: k1}}\n",
            "conf/hark.yaml:1:34: 'k1' in 'bootstrap_servers' of 'kafka' is not a host and a port; write it as k1:9092, the port \
             from 1 to 65535",
        ),
        (
            "sources: [{name: a, kind: file, path: '-'},\n  {name: b, kind: file, path: [x, '-']}]\n",
            "conf/hark.yaml:2:35: standard input ('-') is read already; the other one is on line 1: keep it in one of them",
        ),
        (
            "subjects: [{name: a, kind: own, terms: [x]}, {name: a, kind: own, terms: [y]}]\n",
            "conf/hark.yaml:1:46: two subjects are named 'a'; the other one is on line 1: join their terms",
        ),
        (
            "subjects: [{name: a, kind: brand, terms: [x]}]\n",
            "conf/hark.yaml:1:28: unknown kind 'brand' in subject 'a'; known are own, product, competitor, person, place, topic",
        ),
        (
            "subjects: [{name: a, kind: own, terms: ['!!!']}]\n",
            "conf/hark.yaml:1:12: subject `a`: `!!!` has no letter or digit, so that it can never match",
        ),
        (
            "subjects:\n  - name: a\n    kind: own\n    terms:\n      - #auroramotors\n",
            "conf/hark.yaml:5:22: 'terms' of subject 'a' must be text, not nothing; text that begins with # needs quotes",
        ),
        (
            "subjects: [{name: a, kind: own, terms: [{text: x, exakt: true}]}]\n",
            "conf/hark.yaml:1:51: unknown key 'exakt' in a term in 'terms' of subject 'a'; did you mean 'exact'?",
        ),
        (
            "voices: {own: ['@a'], staff: ['A']}\n",
            "conf/hark.yaml:1:31: 'A' is in 'own' and in 'staff' of 'voices'; an account speaks for one side",
        ),
        (
            "http: {listen: 8787}\n",
            "conf/hark.yaml:1:16: 'listen' of 'http' is not an address and a port: '8787'; write it as \"127.0.0.1:8787\", or \"0.0.0.0:8787\" to be reached from other machines",
        ),
        (
            "tests: [{say: x, expect: {}}]\n",
            "conf/hark.yaml:1:26: test 1 expects nothing; say at least: expect: {team: sales}",
        ),
        (
            "tests: [{say: x, expect: {intents: purchas}}]\n",
            "conf/hark.yaml:1:36: unknown word 'purchas' for 'intents' of test 1; did you mean 'purchase'?",
        ),
        (
            "tests: [{expect: {priority: 1}}]\n",
            "conf/hark.yaml:1:9: test 1 lacks the key 'say'; say: \"a text\", or post: {text: \"a text\", rating: 1}",
        ),
        (
            "tests: [{post: {text: x, rating: 9}, expect: {priority: 1}}]\n",
            "conf/hark.yaml:1:34: 'rating' in 'post' of test 1: expected stars from 1 to 5 (scale other ratings to that), found the number 9",
        ),
        (
            "tests: [{say: x, thread: {author_pitched: '2026-03-02T09:20:00+01:00'}, expect: {priority: 1}}]\n",
            "conf/hark.yaml:1:43: test 1 has 'author_pitched' and no 'at'; say when the post is heard: at: 2026-03-02T09:20:00+01:00",
        ),
        (
            "teams: {sales: {}}\ndefault: {to: sales}\ntests: [{say: x, expect: {team: sale}}]\n",
            "conf/hark.yaml:3:33: unknown word 'sale' for 'team' of test 1; did you mean 'sales'?",
        ),
        (
            "teams: {sales: {members: [anna]}}\npeople: {anna: {}}\ndefault: {to: sales, tags: vip}\ntests: [{say: x, expect: {person: ana, tags: [vip, praised:Elin, theme:prise]}}]\n",
            "conf/hark.yaml:4:35: unknown word 'ana' for 'person' of test 1; did you mean 'anna'?",
        ),
        (
            "teams: {sales: {}}\ndefault: {to: sales, tags: vip}\ntests: [{say: x, expect: {tags: [vip, praised:Elin, theme:prise]}}]\n",
            "conf/hark.yaml:3:53: unknown word 'theme:prise' for 'tags' of test 1; did you mean 'theme:price'?",
        ),
        (
            "teams: {sales: {}}\nrules: [{name: a, when: {intent: spam}, drop: spam}]\ndefault: {to: sales}\ntests: [{say: x, expect: {drop: spamm}}]\n",
            "conf/hark.yaml:4:33: unknown word 'spamm' for 'drop' of test 1; did you mean 'spam'?",
        ),
        (
            "tests: [{say: x, expect: {refused: not_askd}}]\n",
            "conf/hark.yaml:1:36: unknown word 'not_askd' for 'refused' of test 1; did you mean 'not_asked'?",
        ),
    ] {
        let found = problems(yaml);
        assert_eq!(found.first().map(String::as_str), Some(expected), "{yaml}");
    }
}

#[test]
fn all_problems_of_all_sections_come_at_once_in_the_order_of_the_file() {
    let found = problems(
        "teams: {Sales: {}}
rules: [{name: a, when: {subject: garage, intent: purchas}, to: Sales}]
default: {to: Sales}
subjects: [{name: garage, kind: thing, terms: [x]}]
http: {listen: here}
",
    );
    let places: Vec<&str> = found.iter().filter_map(|line| line.split(": ").next()).collect();
    // The rule may use the subject although its kind is wrong.
    assert_eq!(
        places,
        ["conf/hark.yaml:1:9", "conf/hark.yaml:2:51", "conf/hark.yaml:4:33", "conf/hark.yaml:5:16"],
        "{found:#?}"
    );
}

#[test]
fn the_revision_follows_the_meaning_and_not_the_layout() {
    let of = |yaml: &str| load(yaml).unwrap().revision;
    let one = of("tenant: aurora\ntopic_prefix: hark\n");
    assert_eq!(one.len(), 12);
    assert_eq!(one, of("# changed\n{topic_prefix: 'hark', tenant: aurora}\n"));
    assert_ne!(one, of("tenant: aurora\ntopic_prefix: hark2\n"));
}

#[test]
fn a_file_that_cannot_be_read_says_how_to_begin() {
    let error = Config::load(Path::new("nowhere/hark.yaml")).unwrap_err().to_string();
    assert!(error.contains("nowhere/hark.yaml: cannot be read: "), "{error}");
    assert!(error.ends_with("; 'hark init' writes one; --config names another"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hark.yaml");
    std::fs::write(&path, b"tenant: a\nvoices: {own: [\"\xff\"]}\n").unwrap();
    let error = Config::load(&path).unwrap_err().to_string();
    assert!(error.ends_with(": line 2 is not UTF-8; save the file as UTF-8"), "{error}");
}

#[test]
fn a_certificate_that_is_not_there_is_named_with_its_key_and_place() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("k.pem"), "a key").unwrap();
    let yaml = "log: {kafka: {bootstrap_servers: 'k1:9093', tls: {ca: ca.pem}}}
http: {tls: {certificate: c.pem, key: k.pem}}
";
    let config = Config::from_yaml(&folder.path().join("hark.yaml"), yaml).unwrap();
    for (section, says) in [
        ("log", "hark.yaml:1:55: 'ca' of 'log.kafka.tls' cannot be read from"),
        ("http", "hark.yaml:2:27: 'certificate' of 'http.tls' cannot be read from"),
    ] {
        let error = config.look_for_files(section).unwrap_err();
        assert_eq!(error.problems.len(), 1, "{error}");
        let error = error.to_string();
        assert!(error.contains(says) && error.contains("No such file"), "{error}");
    }
    std::fs::write(folder.path().join("ca.pem"), "an authority").unwrap();
    assert_eq!(config.look_for_files("log"), Ok(()));
}

/// Beside the snippets that are lists of rules.
const AROUND_RULES: &str = "
sources: [{name: forum, kind: webhook, open: true}]
subjects: [{name: aurora, kind: own, terms: [Aurora Motors]}, {name: garage, kind: topic, terms: [garage]}]
calendars: {office: {zone: Europe/Warsaw, hours: {mon-fri: 09:00-16:00}}}
people: {anna: {}}
teams: {sales: {}, support: {members: anna}, press: {}, triage: {}}
branches: {gliwice: {places: Gliwice}}
default: {to: triage}
rules:
";

#[test]
fn every_snippet_of_the_documentation_loads() {
    let page = include_str!("../../../../docs/configuration.md");
    let mut seen = 0;
    let folder = tempfile::tempdir().unwrap();
    let calendar = "BEGIN:VCALENDAR\nEND:VCALENDAR\n";
    for (name, text) in [("olle.ics", calendar), ("opt-out.txt", "# nobody\n@no.offers\n")] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    for (number, block) in page.split("```yaml").skip(1).enumerate() {
        let (kind, rest) = block.split_once('\n').unwrap();
        let snippet = rest.split("```").next().unwrap();
        let yaml = match kind.trim() {
            "rules" => format!("{AROUND_RULES}{snippet}"),
            _ => snippet.to_owned(),
        };
        let loaded = Config::from_yaml(&folder.path().join("hark.yaml"), &yaml);
        if let Err(problems) = loaded {
            panic!("snippet {}:\n{snippet}\n{problems:#?}", number + 1);
        }
        seen += 1;
    }
    assert!(seen > 12, "only {seen} snippets were found");
}

/// Beside the snippets of the rules page, where they do not have the section themselves.
const AROUND_SNIPPETS: [(&str, &str); 6] = [
    ("tenant", "tenant: aurora"),
    ("sources", "sources: [{name: forum, kind: webhook, open: true}]"),
    (
        "subjects",
        "subjects: [{name: aurora, kind: own, terms: [Aurora Motors]}, \
         {name: garage, kind: topic, terms: [garage, warsztat, bilverkstad]}]",
    ),
    ("voices", "voices: {own: ['@auroramotors']}"),
    ("teams", "teams: {sales: {}, care: {}, press: {}, triage: {}}"),
    ("default", "default: {to: triage}"),
];

#[test]
fn every_snippet_of_the_rules_page_loads_and_passes_its_own_tests() {
    let page = include_str!("../../../../docs/rules.md");
    let (mut snippets, mut tests) = (0, 0);
    for block in page.split("```yaml\n").skip(1) {
        let snippet = block.split("```").next().unwrap();
        let has = |key: &str| snippet.lines().any(|line| line.starts_with(&format!("{key}:")));
        let around = AROUND_SNIPPETS.iter().filter(|(key, _)| !has(key));
        let around: String = around.map(|(_, section)| format!("{section}\n")).collect();
        let yaml = format!("{around}{snippet}");
        let config = load(&yaml).unwrap_or_else(|problems| panic!("{snippet}\n{problems:#?}"));
        snippets += 1;
        for report in crate::test::run_all(&config).unwrap() {
            assert!(
                report.differences.is_empty(),
                "{}: {:?}\n{snippet}",
                report.test.name,
                report.differences
            );
            tests += 1;
        }
    }
    assert!(snippets > 12 && tests > 25, "only {snippets} snippets with {tests} tests were found");
}
