//! Whether the author of a mention may be addressed.

use hark_schema::v1::{Gate, Voice};

use crate::facts::Facts;

/// The firm's own account wrote it.
pub const OWN_VOICE: &str = "own_voice";
/// A program wrote it.
pub const BOT: &str = "bot";
/// No team may offer anything yet.
pub const NOT_A_PITCHING_TEAM: &str = "not_a_pitching_team";

/// Nothing may be offered to anybody until teams can be marked as pitching: an offer needs the memory of who was
/// offered something lately.
pub(crate) fn of(facts: &Facts<'_>) -> Gate {
    let mut reasons = Vec::new();
    if facts.mention.voice() == Voice::Own {
        reasons.push(OWN_VOICE.to_owned());
    }
    if facts.post.author.as_ref().is_some_and(|author| author.bot == Some(true)) {
        reasons.push(BOT.to_owned());
    }
    let may_reply = reasons.is_empty();
    reasons.push(NOT_A_PITCHING_TEAM.to_owned());
    Gate { may_reply, may_pitch: false, reasons }
}
