//! What conditions and outcomes refer to by name. A number is a place in the configuration.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{
    branch::Branch, calendar::Calendar, condition::Definition, people::Person, people::Roster,
    routing::Known, theme::Themes,
};

#[derive(Debug)]
pub(crate) struct Names {
    subjects: Vec<String>,
    numbers: HashMap<String, u32>,
    sources: Vec<String>,
    /// Of the sources; empty where none is known.
    pub source_kinds: Vec<String>,
    files: BTreeMap<String, Result<String, String>>,
    definitions: Vec<(String, Arc<Definition>)>,
    /// Teams as the file names them, those with problems too.
    pub teams: Vec<String>,
    /// Teams that are no more, and the name of who took over.
    pub moved: Vec<(String, String)>,
    pub calendars: Vec<Calendar>,
    pub people: Vec<Person>,
    pub rosters: Vec<Roster>,
    pub branches: Vec<Branch>,
    pub themes: Themes,
}

impl Names {
    pub fn new(known: &Known) -> Self {
        let subjects: Vec<String> = known.subjects.iter().map(|(name, _)| name.clone()).collect();
        let numbers = subjects.iter().cloned().zip(0..).collect();
        Self {
            subjects,
            numbers,
            sources: known.sources.clone(),
            source_kinds: known.source_kinds.clone(),
            files: known.files.clone(),
            definitions: Vec::new(),
            teams: Vec::new(),
            moved: Vec::new(),
            calendars: Vec::new(),
            people: Vec::new(),
            rosters: Vec::new(),
            branches: Vec::new(),
            themes: Themes::default(),
        }
    }

    pub fn subject(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// The text of a file, or why it could not be read; `None` where nobody looked.
    pub fn file(&self, path: &str) -> Option<Result<&str, &str>> {
        self.files.get(path).map(|read| read.as_deref().map_err(String::as_str))
    }

    /// A condition of `define:`.
    pub fn defined(&self, name: &str) -> Option<Arc<Definition>> {
        self.definitions.iter().find(|(known, _)| known == name).map(|(_, definition)| Arc::clone(definition))
    }

    pub fn define(&mut self, name: String, definition: Definition) {
        self.definitions.push((name, Arc::new(definition)));
    }

    pub fn definitions(&self) -> impl Iterator<Item = &str> {
        self.definitions.iter().map(|(name, _)| name.as_str())
    }

    /// The conditions of `define:` by name, in the order of the file.
    pub fn defined_all(&self) -> impl Iterator<Item = (&str, &Definition)> {
        self.definitions.iter().map(|(name, definition)| (name.as_str(), &**definition))
    }

    pub fn calendar_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.calendars.iter().map(|calendar| calendar.name.as_str())
    }

    pub fn person_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.people.iter().map(|person| person.name.as_str())
    }

    pub fn branch_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.branches.iter().map(|branch| branch.name.as_str())
    }

    pub fn team_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.teams.iter().map(String::as_str)
    }

    /// The team that is meant by a name that is remembered: whoever took over, where it is no more.
    pub fn team_now<'a>(&'a self, name: &'a str) -> &'a str {
        self.moved.iter().find(|(old, _)| old == name).map_or(name, |(_, to)| to)
    }

    pub fn subjects(&self) -> impl Iterator<Item = &str> + Clone {
        self.subjects.iter().map(String::as_str)
    }

    pub fn sources(&self) -> impl Iterator<Item = &str> + Clone {
        self.sources.iter().map(String::as_str)
    }
}
