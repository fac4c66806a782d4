//! The languages whose inflection is known.

/// A set of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Languages(u8);

impl Languages {
    pub const NONE: Self = Self(0);
    pub const PL: Self = Self(1);
    pub const SV: Self = Self(2);
    pub const IT: Self = Self(4);
    pub const RO: Self = Self(8);
    pub const EN: Self = Self(16);
    pub const ALL: Self = Self(31);

    /// By their ISO 639-1 codes, of which the unknown add nothing; without codes, all.
    pub fn of(codes: &[String]) -> Self {
        if codes.is_empty() {
            return Self::ALL;
        }
        let known = Self::each().filter(|(_, code)| codes.iter().any(|wanted| wanted == code));
        known.fold(Self::NONE, |set, (language, _)| set.with(language))
    }

    /// Every language with its code.
    pub fn each() -> impl Iterator<Item = (Self, &'static str)> {
        [(Self::PL, "pl"), (Self::SV, "sv"), (Self::IT, "it"), (Self::RO, "ro"), (Self::EN, "en")].into_iter()
    }

    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the sets share a language.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are in both.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}
