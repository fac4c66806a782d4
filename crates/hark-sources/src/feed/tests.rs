use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hark_log::{
    Cleanup, CommitError, From, GroupOffset, Log, LogError, Output, Producer, Reader, Record, Session,
    SessionConfig, SessionError, TopicDescription, TopicSpec,
    embedded::{EmbeddedLog, Options},
};
use hark_schema::{
    Message as _,
    v1::{DeadLetter, Op, RawPost},
};
use hark_tests::web::{Response, WebServer, rss};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{
    Feed, FetchError, PollError,
    entry::read_all,
    fetch::{Client, Validators},
    poll::Poller,
    poll_once,
};
use crate::{PollResult, PostInput, Reason, testing::context};

/// An embedded log whose producers lose their transaction at the given commit (counted from 1, 0 for never).
struct TestLog {
    log: EmbeddedLog,
    lose_at: AtomicUsize,
    commits: Arc<AtomicUsize>,
    _folder: tempfile::TempDir,
}

struct TestProducer(Box<dyn Producer>, Arc<AtomicUsize>, usize);

impl Producer for TestProducer {
    fn commit(&mut self, outputs: &[Output]) -> Result<(), CommitError> {
        if self.1.fetch_add(1, Ordering::Relaxed) + 1 == self.2 {
            let source = SessionError::Log(LogError::Invalid("fenced".to_owned()));
            return Err(CommitError::Lost { source });
        }
        self.0.commit(outputs)
    }
}

impl TestLog {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(folder.path(), Options::default()).unwrap();
        let topics = context("feed").topics;
        let specs = [topics.posts, topics.cursors, topics.dead_letters].map(|topic| TopicSpec {
            name: topic.name.to_string(),
            partitions: topic.partitions,
            replication: None,
            cleanup: Cleanup::Delete,
            retention: None,
        });
        log.create_topics(&specs).unwrap();
        Self { log, lose_at: AtomicUsize::new(0), commits: Arc::default(), _folder: folder }
    }

    fn lose_at(&self, commit: usize) {
        self.commits.store(0, Ordering::Relaxed);
        self.lose_at.store(commit, Ordering::Relaxed);
    }

    fn values(&self, topic: &str) -> Vec<Vec<u8>> {
        let partitions: Vec<u32> = (0..12).collect();
        let mut values = Vec::new();
        self.log
            .read_to_end(topic, &partitions, &mut |record| values.push(record.value.unwrap().to_vec()))
            .unwrap();
        values
    }

    /// In the order of their ids, and of one id in the order of their coming.
    fn posts(&self) -> Vec<RawPost> {
        let mut posts: Vec<RawPost> =
            self.values("hark.posts").iter().map(|value| RawPost::decode(&**value).unwrap()).collect();
        posts.sort_by_key(|post| (post.r#ref.clone().unwrap().native_id, post.revision));
        posts
    }

    fn ids(&self) -> Vec<String> {
        self.posts().into_iter().map(|post| post.r#ref.unwrap().native_id).collect()
    }
}

impl Log for TestLog {
    fn producer(&self, id: &str) -> Result<Box<dyn Producer>, LogError> {
        let (commits, lose_at) = (Arc::clone(&self.commits), self.lose_at.load(Ordering::Relaxed));
        Ok(Box::new(TestProducer(self.log.producer(id)?, commits, lose_at)))
    }
    fn session(&self, config: SessionConfig) -> Result<Box<dyn Session>, LogError> {
        self.log.session(config)
    }
    fn reader(&self, topic: &str, from: From) -> Result<Box<dyn Reader>, LogError> {
        self.log.reader(topic, from)
    }
    fn read_to_end(
        &self,
        topic: &str,
        partitions: &[u32],
        each: &mut dyn FnMut(&Record<'_>),
    ) -> Result<(), LogError> {
        self.log.read_to_end(topic, partitions, each)
    }
    fn group_offsets(&self, group: &str, topic: &str) -> Result<Vec<GroupOffset>, LogError> {
        self.log.group_offsets(group, topic)
    }
    fn times_at(&self, topic: &str, offsets: &[(u32, i64)]) -> Result<Vec<(u32, i64)>, LogError> {
        self.log.times_at(topic, offsets)
    }
    fn reach(&self, within: Duration) -> Result<(), LogError> {
        self.log.reach(within)
    }
    fn topics(&self) -> Result<Vec<TopicDescription>, LogError> {
        self.log.topics()
    }
    fn create_topics(&self, specs: &[TopicSpec]) -> Result<(), LogError> {
        self.log.create_topics(specs)
    }
}

fn feed(url: String) -> Feed {
    Feed {
        context: context("feed"),
        shown: super::shown(&url).unwrap(),
        url,
        every: Duration::from_secs(300),
        allow_private: true,
        transactional_id: "hark-ingest-aurora-forum".to_owned(),
    }
}

fn items(range: std::ops::Range<usize>) -> Vec<(String, String, String)> {
    range.rev().map(|n| (format!("Title {n}"), format!("id-{n:04}"), format!("<p>Text {n}</p>"))).collect()
}

fn poll(feed: &Feed, log: &TestLog) -> Result<(), PollError> {
    Poller::open(feed, log, CancellationToken::new()).unwrap().poll(Timestamp::now())
}

fn read(page: &str) -> Vec<PostInput> {
    let parsed = feed_rs::parser::parse(page.as_bytes()).unwrap();
    read_all(parsed).into_iter().map(|entry| entry.post).collect()
}

#[test]
fn what_is_published_is_not_published_again_and_its_page_is_asked_for_only_if_it_changed() {
    let server = WebServer::start(|request| match request.header("if-none-match") {
        Some("\"v1\"") => Response::empty(304),
        _ => Response::page(rss(&items(0..3))).with("etag", "\"v1\"").with("last-modified", "yesterday"),
    });
    let (log, feed) = (TestLog::new(), feed(server.url("/rss")));
    poll(&feed, &log).unwrap();
    assert_eq!(log.ids(), ["id-0000", "id-0001", "id-0002"]);
    let first = &log.posts()[0];
    assert_eq!(
        (&*first.text, &*first.title, &*first.url),
        ("Text 0", "Title 0", "https://news.example/id-0000")
    );
    // As after a restart: what is known is what is committed.
    poll(&feed, &log).unwrap();
    assert_eq!(log.ids().len(), 3);
    assert_eq!(server.asked()[1].header("if-modified-since"), Some("yesterday"));
    let counts = &feed.context.counts;
    assert_eq!((counts.polls(PollResult::New), counts.polls(PollResult::Unchanged)), (1, 1));
    assert_eq!((counts.accepted(), counts.gaps()), (3, 0));
}

#[test]
fn an_entry_that_says_something_else_is_an_edit_with_a_newer_revision() {
    let (log, mut page) = (TestLog::new(), items(0..3));
    let server = WebServer::start(|_| Response::empty(500));
    let feed = feed(server.url("/rss"));
    let serve = |page: &[(String, String, String)]| {
        let body = rss(page);
        server.answers(move |_| Response::page(body.clone()));
        poll(&feed, &log).unwrap();
    };
    serve(&page);
    page[1].2 = "<p>Text 1, corrected</p>".to_owned();
    serve(&page);
    // Markup alone says nothing else.
    page[1].2 = "<div><b>Text 1</b>, corrected</div>".to_owned();
    serve(&page);
    page[1].2 = "Text 1".to_owned();
    serve(&page);
    let posts = log.posts();
    let told: Vec<(Op, &str)> = posts
        .iter()
        .filter(|post| post.r#ref.as_ref().unwrap().native_id == "id-0001")
        .map(|post| (post.op(), &*post.text))
        .collect();
    assert_eq!(told, [(Op::Create, "Text 1"), (Op::Edit, "Text 1, corrected"), (Op::Edit, "Text 1")]);
    assert_eq!(posts.len(), 5);
}

#[test]
fn a_page_that_was_cut_short_by_a_crash_is_published_to_its_end_and_nothing_of_it_twice() {
    let server = WebServer::start(|request| match request.header("if-none-match") {
        Some(_) => Response::empty(304),
        None => Response::page(rss(&items(0..350))).with("etag", "\"v1\""),
    });
    let (log, feed) = (TestLog::new(), feed(server.url("/rss")));
    log.lose_at(5);
    assert!(matches!(poll(&feed, &log), Err(PollError::Lost(_))));
    assert_eq!(log.ids().len(), 200, "four transactions of seven");
    assert_eq!(log.ids().last().unwrap(), "id-0199", "the oldest first");
    log.lose_at(0);
    poll(&feed, &log).unwrap();
    let expected: Vec<String> = (0..350).map(|n| format!("id-{n:04}")).collect();
    assert_eq!(log.ids(), expected);
    assert!(server.asked()[1].header("if-none-match").is_none(), "the page must come again");
    poll(&feed, &log).unwrap();
    assert!(server.asked()[2].header("if-none-match").is_some());
}

#[test]
fn a_server_that_asks_for_patience_gets_it_and_once_asks_all_the_same() {
    let server = WebServer::start(|_| Response::empty(429).with("retry-after", "7200"));
    let (log, feed) = (TestLog::new(), feed(server.url("/rss")));
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let mut poller = Poller::open(&feed, &log, CancellationToken::new()).unwrap();
    assert_eq!(poller.due_ms(now.as_millisecond()), 0, "at once, when it was never asked");
    poller.poll(now).unwrap();
    let due = now.as_millisecond() + 7_200_000;
    assert_eq!(poller.due_ms(now.as_millisecond()), due);
    // The next owner keeps the promise.
    let next = Poller::open(&feed, &log, CancellationToken::new()).unwrap();
    assert_eq!(next.due_ms(now.as_millisecond()), due);
    // A clock that went back does not put the feed to sleep.
    assert!(next.due_ms(0) <= 24 * 3_600_000);
    poll_once(std::slice::from_ref(&feed), &log, &CancellationToken::new()).unwrap();
    assert_eq!(server.asked().len(), 2);

    server.answers(|_| {
        Response::page(rss(&items(0..1)).replace("<description>All", "<ttl>60</ttl><description>All"))
    });
    poller.poll(now).unwrap();
    assert_eq!(poller.due_ms(now.as_millisecond()), now.as_millisecond() + 3_600_000, "ttl is an hour");
    server.answers(|_| Response::page(rss(&items(0..1))));
    poller.poll(now).unwrap();
    assert_eq!(poller.due_ms(now.as_millisecond()), now.as_millisecond() + 300_000, "`every`");
}

#[test]
fn a_window_that_turned_over_between_two_polls_is_told_as_a_gap() {
    let server = WebServer::start(|_| Response::empty(500));
    let (log, feed) = (TestLog::new(), feed(server.url("/rss")));
    let mut gaps = Vec::new();
    for page in [items(0..5), items(3..8), items(8..13), items(8..13), Vec::new(), items(13..14)] {
        let body = rss(&page);
        server.answers(move |_| Response::page(body.clone()));
        poll(&feed, &log).unwrap();
        gaps.push(feed.context.counts.gaps());
    }
    // Not the first look, not an overlap; an empty page hides nothing and is no look.
    assert_eq!(gaps, [0, 0, 1, 1, 1, 2]);
    assert_eq!(log.ids().len(), 14);
}

#[test]
fn an_entry_that_is_no_post_is_kept_once_as_a_dead_letter() {
    let long = "x".repeat(70_000);
    let page = rss(&[
        ("Long".to_owned(), "long".to_owned(), long),
        (String::new(), "blank".to_owned(), "<img src='x'>".to_owned()),
        ("Only a headline".to_owned(), "short".to_owned(), String::new()),
    ]);
    let server = WebServer::start(move |_| Response::page(page.clone()));
    let (log, feed) = (TestLog::new(), feed(server.url("/rss?token=s3cret")));
    poll(&feed, &log).unwrap();
    poll(&feed, &log).unwrap();
    let posts = log.posts();
    assert_eq!(posts.len(), 1);
    assert_eq!((&*posts[0].text, &*posts[0].title), ("Only a headline", ""));
    let mut letters: Vec<DeadLetter> =
        log.values("hark.dead-letters").iter().map(|value| DeadLetter::decode(&**value).unwrap()).collect();
    letters.sort_by_key(|letter| letter.class.clone());
    assert_eq!(
        letters.iter().map(|letter| &*letter.class).collect::<Vec<_>>(),
        ["invalid_post", "text_too_long"]
    );
    assert_eq!(letters[1].file.as_ref().unwrap().path, server.url("/rss"), "without what may be secret");
    assert_eq!(posts[0].provenance.as_ref().unwrap().query, server.url("/rss"));
    let counts = &feed.context.counts;
    assert_eq!((counts.rejected(Reason::TextTooLong), counts.rejected(Reason::InvalidPost)), (1, 1));
}

#[test]
fn what_is_no_feed_is_a_failure_that_changes_nothing() {
    let server = WebServer::start(|_| Response::empty(500));
    let (log, feed) = (TestLog::new(), feed(server.url("/rss")));
    let answers: [(Response, &str); 4] = [
        (Response::empty(500), "the server answers 500"),
        (Response::empty(404), "the server answers 404"),
        (Response::page("<html><body>Welcome</body></html>"), "no feed"),
        (Response::page("<rss").with("content-length", "1000"), "breaks off"),
    ];
    for (answer, says) in answers {
        server.answers(move |_| answer.clone());
        let error = poll(&feed, &log).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    assert_eq!(feed.context.counts.polls(PollResult::Failed), 4);
    assert!(log.values("hark.cursors").is_empty());
    let error = poll_once(&[feed], &log, &CancellationToken::new()).unwrap_err();
    assert_eq!(error.to_string(), "the feed forum could not be polled");
}

#[test]
fn redirects_are_followed_and_each_address_is_checked_when_the_connection_is_made() {
    let page = rss(&items(0..1));
    let target = WebServer::start_at("127.0.0.2:0", move |_| Response::page(page.clone()));
    let location = format!("http://127.0.0.2:{}/rss", target.port());
    let server = WebServer::start(move |_| Response::empty(301).with("location", location.clone()));

    let all = Client::guarded(&server.url("/old"), |_| true);
    assert!(all.get(&Validators::default()).is_ok());
    let first_only = Client::guarded(&server.url("/old"), |ip| ip == std::net::IpAddr::from([127, 0, 0, 1]));
    let error = first_only.get(&Validators::default()).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("127.0.0.2 is 127.0.0.2, an address of a private network"), "{said}");
    assert_eq!(target.asked().len(), 1);

    for url in [
        server.url("/old"),
        format!("http://localhost:{}/", server.port()),
        format!("http://[::ffff:127.0.0.1]:{}/", server.port()),
        format!("http://2130706433:{}/", server.port()),
    ] {
        let asked = server.asked().len();
        let error = Client::new(&url, false).get(&Validators::default()).unwrap_err();
        assert!(matches!(error, FetchError::Unanswered(_)), "{url}: {error}");
        assert_eq!(server.asked().len(), asked, "{url}");
    }
    server.answers(|_| Response::empty(302).with("location", "/again"));
    assert!(all.get(&Validators::default()).is_err(), "round and round");
}

#[test]
fn each_kind_of_feed_becomes_posts_oldest_first() {
    let atom = r#"<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="pl">
        <title>Forum</title><id>f</id><updated>2026-05-04T09:30:00Z</updated>
        <entry><id>urn:2</id><title type="html">A &amp;amp; B</title><updated>2026-05-04T09:30:00Z</updated>
          <author><name>Ola</name><email>ola@example.org</email></author>
          <link rel="self" href="https://forum.example/feed/2"/><link href="https://forum.example/2"/>
          <content type="html">&lt;p&gt;Dzień dobry&lt;br&gt;wszystkim&lt;/p&gt;</content></entry>
        <entry><id>urn:1</id><title>One</title><published>2026-05-03T08:00:00Z</published>
          <updated>2026-05-04T09:30:00Z</updated><summary type="text">1 &lt; 2 &amp;amp; so on</summary></entry></feed>"#;
    let posts = read(atom);
    assert_eq!(posts.iter().map(|post| &*post.id).collect::<Vec<_>>(), ["urn:1", "urn:2"]);
    assert_eq!(posts[0].text, "1 < 2 &amp; so on", "plain text is no HTML");
    assert_eq!(posts[0].created_at, Some("2026-05-03T08:00:00Z".parse().unwrap()));
    assert_eq!((&*posts[1].text, &*posts[1].title), ("Dzień dobry\nwszystkim", "A & B"));
    assert_eq!(posts[1].url, "https://forum.example/2");
    assert_eq!(posts[1].author.as_ref().unwrap().name, "Ola");
    assert!(!format!("{posts:?}").contains("ola@example.org"), "an address is nobody's business");

    let json = r#"{"version": "https://jsonfeed.org/version/1.1", "title": "Blog", "language": "sv-SE",
        "items": [{"id": "9", "url": "https://blog.example/9", "content_html": "<p>Hej</p>", "title": "T",
                   "attachments": [{"url": "https://blog.example/9.jpg", "mime_type": "image/jpeg"}]},
                  {"id": "8", "content_text": "a < b", "url": "javascript:alert(1)"}]}"#;
    let posts = read(json);
    assert_eq!((&*posts[1].id, &*posts[1].text, &*posts[1].lang), ("9", "Hej", "sv-SE"));
    assert_eq!((&*posts[0].text, &*posts[0].url), ("a < b", ""));

    let rss1 = r#"<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">
        <channel rdf:about="https://old.example/"><title>Old</title><link>https://old.example/</link>
        <description>d</description></channel>
        <item rdf:about="https://old.example/1"><title>One</title><link>https://old.example/1</link>
        <description>First &lt;i&gt;post&lt;/i&gt;</description></item></rdf:RDF>"#;
    let posts = read(rss1);
    assert_eq!((&*posts[0].text, &*posts[0].url), ("First post", "https://old.example/1"));
}

#[test]
fn an_entry_without_an_id_is_known_by_its_link_and_one_that_comes_twice_counts_once() {
    let item = |body: &str| format!("<item>{body}<title>T</title><description>D</description></item>");
    let page = |items: &str| {
        format!(
            "<rss version=\"2.0\"><channel><title>N</title><link>https://n.example</link><description>d</description>{items}</channel></rss>"
        )
    };
    let linked = item("<link>https://n.example/1</link>");
    let twice = read(&page(&linked.repeat(2)));
    assert_eq!(twice.len(), 1);
    assert_eq!(read(&page(&linked))[0].id, twice[0].id, "the same at every poll");
    let other = read(&page(&item("<link>https://n.example/2</link>")));
    assert_ne!(other[0].id, twice[0].id);
    let long = item(&format!("<guid>{}</guid>", "g".repeat(3_000)));
    assert!(read(&page(&long))[0].id.len() <= 64);
    let bare = ["One", "Two"].map(|said| format!("<item><description>{said}</description></item>")).concat();
    let ids = || read(&page(&bare)).into_iter().map(|post| post.id).collect::<Vec<_>>();
    assert_eq!(ids(), ids(), "what has only a text is the same at every poll too");
    assert_ne!(ids()[0], ids()[1]);
}

#[test]
fn an_address_is_shown_without_what_may_be_secret() {
    for (url, shown) in [
        ("https://news.example/rss", Ok("https://news.example/rss")),
        ("HTTPS://news.example/rss?token=x#y", Ok("https://news.example/rss")),
        ("http://[::1]:8080/a/b", Ok("http://[::1]:8080/a/b")),
        ("ftp://news.example", Err("does not begin with http:// or https://")),
        ("news.example/rss", Err("does not begin with http:// or https://")),
        ("https://", Err("names no host")),
        (
            "https://u:p@news.example",
            Err("holds a user or password, which would be sent on to wherever the server redirects"),
        ),
        ("https://news.example/a b", Err("holds a character that must be written as %XX")),
        ("https://zażółć.example/", Err("holds a character that must be written as %XX")),
    ] {
        assert_eq!(super::shown(url), shown.map(str::to_owned), "{url}");
    }
}
