//! The processes of a proof, by name: started, killed, frozen, and started again when they end by themselves, as a supervisor does.

use std::collections::BTreeMap;

use hark_tests::program::{Ended, Program};

use crate::world::{DEADLINE, World};

pub struct Cast<'a> {
    world: &'a World,
    roles: BTreeMap<String, Role>,
    /// What ended by itself: who, and what it said last.
    pub ended: Vec<String>,
}

struct Role {
    arguments: Vec<String>,
    program: Program,
    frozen: bool,
}

impl<'a> Cast<'a> {
    pub fn new(world: &'a World) -> Self {
        Self { world, roles: BTreeMap::new(), ended: Vec::new() }
    }

    /// Starts a process under its name.
    pub fn start(&mut self, name: &str, arguments: &[&str]) {
        let program = self.world.start(arguments);
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        self.roles.insert(name.to_owned(), Role { arguments, program, frozen: false });
    }

    /// A worker of a stage; its name is that of its instance.
    pub fn worker(&mut self, stage: &str, name: &str) {
        self.start(name, &[stage, "--instance", name, "--listen", "127.0.0.1:0"]);
    }

    pub fn has(&self, name: &str) -> bool {
        self.roles.contains_key(name)
    }

    pub fn program(&self, name: &str) -> &Program {
        &self.roles[name].program
    }

    /// kill -9 in the middle of whatever it does; it is gone until [`Self::restart`].
    pub fn kill(&mut self, name: &str) -> Vec<String> {
        let role = self.roles.remove(name).unwrap();
        role.program.kill();
        role.arguments
    }

    /// Under its old name, with its old arguments.
    pub fn restart(&mut self, name: &str, arguments: &[String]) {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.start(name, &arguments);
    }

    pub fn freeze(&mut self, name: &str) {
        let role = self.roles.get_mut(name).unwrap();
        role.frozen = role.program.is_alive();
        if role.frozen {
            role.program.signal("STOP");
        }
    }

    pub fn thaw(&mut self, name: &str) {
        let role = self.roles.get_mut(name).unwrap();
        if std::mem::take(&mut role.frozen) && role.program.is_alive() {
            role.program.signal("CONT");
        }
    }

    /// SIGTERM, and out.
    pub fn dismiss(&mut self, name: &str) -> Ended {
        self.roles.remove(name).unwrap().program.stop(DEADLINE)
    }

    /// Starts again whoever has ended by itself.
    pub fn revive(&mut self) {
        let dead: Vec<String> = self
            .roles
            .iter_mut()
            .filter_map(|(name, role)| (!role.program.is_alive()).then(|| name.clone()))
            .collect();
        for name in dead {
            let role = self.roles.remove(&name).unwrap();
            let ended = role.program.wait(DEADLINE);
            let last = ended.stderr.lines().last().unwrap_or_default();
            self.ended.push(format!("{name} ended with {:?}: {last}", ended.code));
            self.restart(&name, &role.arguments);
        }
    }

    /// SIGTERM to all; the complaints of those that do not end well.
    pub fn dismiss_all(&mut self) -> Vec<String> {
        let names: Vec<String> = self.roles.keys().cloned().collect();
        let mut complaints = Vec::new();
        for name in names {
            let ended = self.dismiss(&name);
            if ended.code != Some(0) {
                let last = ended.stderr.lines().last().unwrap_or_default();
                complaints.push(format!("{name} ended with {:?} when it was to stop: {last}", ended.code));
            }
        }
        complaints
    }
}
