//! Model files: hashed-feature linear models with weights of one byte.
//!
//! Layout, little-endian: `HARKMODL`; format (u32); version of the features (u32); number of bits of a row's index
//! (u32); number of outputs, padding included (u32); for each output its name (u8 length, UTF-8) and scale, bias,
//! slope, offset and threshold (f32 each); number of languages (u32) and for each its code (u8 length, UTF-8) and what
//! it adds to each output's offset (f32 each); `outputs << bits` signed bytes, a row for each feature hash; the first 16
//! bytes of BLAKE3 over everything before.
//!
//! A byte `b` stands for the weight `b * |b| * scale`: a few features (`?`, a word of the lexicon) weigh a hundred times as
//! much as the many letters do, and both must keep their precision.

use std::borrow::Cow;

/// A model cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The bytes are no model, or were damaged.
    #[error("model `{name}` is damaged ({why}): reinstall Hark, or train it again with hark-train")]
    Corrupt {
        /// Which model.
        name: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The model was made for another version of Hark.
    #[error(
        "model `{name}` has format {found}, this Hark reads format {known}: use the models made for this version"
    )]
    OtherVersion {
        /// Which model.
        name: &'static str,
        /// Format or features version of the file.
        found: u32,
        /// The one that can be read.
        known: u32,
    },
}

/// One answer that a model gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// What it stands for; empty for padding.
    pub name: String,
    /// Value of one unit of a weight.
    pub scale: f32,
    /// Added to every score.
    pub bias: f32,
    /// Platt scaling: the probability is the logistic function of `slope * score + offset`.
    pub slope: f32,
    /// See `slope`.
    pub offset: f32,
    /// Least probability at which the answer holds.
    pub threshold: f32,
}

impl Output {
    /// Calibrated probability of a raw score in a language that adds `shift` to the offset.
    #[must_use]
    pub fn probability(&self, score: f32, shift: f32) -> f32 {
        logistic(self.slope * score + self.offset + shift)
    }
}

/// What the language of a text adds to the offsets: people of one language are wordier, politer or gloomier in the
/// training data than in another.
#[derive(Clone, Debug, PartialEq)]
pub struct Shift<const N: usize> {
    /// ISO 639-1 code.
    pub language: String,
    /// One for each output.
    pub offsets: [f32; N],
}

pub(crate) fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// A linear model with `N` outputs.
#[derive(Debug)]
pub struct Model<const N: usize> {
    outputs: Vec<Output>,
    shifts: Vec<Shift<N>>,
    bits: u32,
    weights: Cow<'static, [u8]>,
}

const MAGIC: &[u8; 8] = b"HARKMODL";
const FORMAT: u32 = 2;
const CHECKSUM_BYTES: usize = 16;
/// A table of more rows would not fit a file of the size that Hark ships.
const MAX_BITS: u32 = 24;
/// Languages with offsets of their own.
const MAX_SHIFTS: u32 = 256;

impl<const N: usize> Model<N> {
    /// Reads a model; the weights stay where they are.
    ///
    /// # Errors
    /// The bytes are damaged, or of another version of the format or the features.
    pub fn parse(name: &'static str, features: u32, bytes: Cow<'static, [u8]>) -> Result<Self, ModelError> {
        let corrupt = |why: &str| ModelError::Corrupt { name, why: why.to_owned() };
        if !bytes.starts_with(MAGIC) {
            return Err(corrupt("it does not begin like a model"));
        }
        let mut reader = Reader { bytes: &bytes, at: MAGIC.len() };
        let short = || corrupt("it ends too early");
        let found = reader.number().ok_or_else(short)?;
        if found != FORMAT {
            return Err(ModelError::OtherVersion { name, found, known: FORMAT });
        }
        let body = bytes.len().checked_sub(CHECKSUM_BYTES).ok_or_else(short)?;
        if blake3::hash(&bytes[..body]).as_bytes()[..CHECKSUM_BYTES] != bytes[body..] {
            return Err(corrupt("its checksum is wrong"));
        }
        let found = reader.number().ok_or_else(short)?;
        if found != features {
            return Err(ModelError::OtherVersion { name, found, known: features });
        }
        let bits =
            reader.number().filter(|bits| (1..=MAX_BITS).contains(bits)).ok_or_else(|| corrupt("rows"))?;
        let count = reader.number().ok_or_else(short)? as usize;
        if count != N {
            return Err(corrupt("it has another number of outputs"));
        }
        let outputs = (0..N).map(|_| reader.output()).collect::<Option<Vec<_>>>().ok_or_else(short)?;
        let languages = reader.number().filter(|count| *count <= MAX_SHIFTS).ok_or_else(short)?;
        let shifts = (0..languages).map(|_| reader.shift()).collect::<Option<Vec<_>>>().ok_or_else(short)?;
        let from = reader.at;
        if body - from != N << bits {
            return Err(corrupt("its table has the wrong size"));
        }
        let weights = match bytes {
            Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[from..body]),
            Cow::Owned(bytes) => Cow::Owned(bytes[from..body].to_vec()),
        };
        Ok(Self { outputs, shifts, bits, weights })
    }

    /// Writes a model; `weights` has `N << bits` items.
    #[must_use]
    pub fn write(
        features: u32,
        bits: u32,
        outputs: &[Output],
        shifts: &[Shift<N>],
        weights: &[i8],
    ) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let count = u32::try_from(outputs.len()).unwrap_or(u32::MAX);
        for number in [FORMAT, features, bits, count] {
            bytes.extend(number.to_le_bytes());
        }
        for output in outputs {
            bytes.push(u8::try_from(output.name.len()).unwrap_or(u8::MAX));
            bytes.extend(output.name.as_bytes());
            for value in [output.scale, output.bias, output.slope, output.offset, output.threshold] {
                bytes.extend(value.to_le_bytes());
            }
        }
        bytes.extend(u32::try_from(shifts.len()).unwrap_or(u32::MAX).to_le_bytes());
        for shift in shifts {
            bytes.push(u8::try_from(shift.language.len()).unwrap_or(u8::MAX));
            bytes.extend(shift.language.as_bytes());
            bytes.extend(shift.offsets.iter().flat_map(|offset| offset.to_le_bytes()));
        }
        bytes.extend(weights.iter().map(|weight| weight.to_le_bytes()[0]));
        let checksum = blake3::hash(&bytes);
        bytes.extend(&checksum.as_bytes()[..CHECKSUM_BYTES]);
        bytes
    }

    /// The answers, padding included.
    #[must_use]
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// What a language adds to the offsets; nothing for one that the model does not name.
    #[must_use]
    pub fn shift(&self, language: &str) -> [f32; N] {
        self.shifts.iter().find(|shift| shift.language == language).map_or([0.0; N], |shift| shift.offsets)
    }

    /// Number of bits of a row's index.
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// All weights, row by row.
    #[must_use]
    pub fn weights(&self) -> Vec<i8> {
        self.weights.iter().map(|weight| weight.cast_signed()).collect()
    }

    /// Adds the weights of a feature to `sums`, in units of the outputs' scales.
    #[inline]
    pub(crate) fn add(&self, hash: u64, sums: &mut [i32; N]) {
        let at = row_of(hash, self.bits) as usize * N;
        let Some(row) = self.weights[at..].first_chunk::<N>() else { return };
        for (sum, byte) in sums.iter_mut().zip(row) {
            *sum += i32::from(units(byte.cast_signed()));
        }
    }
}

/// What a byte stands for, in units of the output's scale.
#[inline]
#[must_use]
pub fn units(byte: i8) -> i16 {
    i16::from(byte) * i16::from(byte).abs()
}

/// The byte that comes nearest to a weight, in units of the output's scale.
#[must_use]
pub fn nearest(units: f32) -> i8 {
    (units.abs().sqrt().round().min(127.0) as i8) * if units < 0.0 { -1 } else { 1 }
}

/// The row of a feature in a table of `1 << bits` rows.
#[inline]
#[must_use]
pub fn row_of(hash: u64, bits: u32) -> u32 {
    // The high half: the features' hashes are mixed by multiplication, which leaves the low bits poor.
    u32::try_from(hash >> (64 - bits)).unwrap_or(0)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        let taken = *self.bytes.get(self.at..)?.first_chunk()?;
        self.at += LENGTH;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn name(&mut self) -> Option<String> {
        let [length] = self.take::<1>()?;
        let name = self.bytes.get(self.at..self.at + usize::from(length))?;
        self.at += usize::from(length);
        std::str::from_utf8(name).ok().map(str::to_owned)
    }

    fn shift<const N: usize>(&mut self) -> Option<Shift<N>> {
        let language = self.name()?;
        let mut offsets = [0.0; N];
        for offset in &mut offsets {
            *offset = self.take().map(f32::from_le_bytes)?;
        }
        Some(Shift { language, offsets })
    }

    fn output(&mut self) -> Option<Output> {
        let name = self.name()?;
        let mut value = || self.take().map(f32::from_le_bytes);
        let (scale, bias, slope, offset, threshold) = (value()?, value()?, value()?, value()?, value()?);
        Some(Output { name, scale, bias, slope, offset, threshold })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Vec<u8> {
        let output = |name: &str| Output {
            name: name.into(),
            scale: 0.5,
            bias: 1.0,
            slope: 1.0,
            offset: 0.0,
            threshold: 0.5,
        };
        let shift = Shift { language: "pl".into(), offsets: [0.5, -0.5] };
        Model::<2>::write(7, 1, &[output("a"), output("b")], &[shift], &[1, -2, 3, -4])
    }

    fn parse(bytes: Vec<u8>) -> Result<Model<2>, ModelError> {
        Model::parse("small", 7, Cow::Owned(bytes))
    }

    #[test]
    fn a_model_that_was_written_is_read_back() {
        let model = parse(small()).unwrap();
        let mut sums = [0; 2];
        model.add(0, &mut sums);
        assert_eq!(sums, [1, -4]);
        model.add(u64::MAX, &mut sums);
        assert_eq!(sums, [10, -20]);
        assert_eq!(model.outputs()[1].name, "b");
        assert_eq!((model.shift("pl"), model.shift("sv")), ([0.5, -0.5], [0.0, 0.0]));
    }

    #[test]
    fn every_weight_comes_back_from_its_byte() {
        for byte in -127..=127 {
            assert_eq!(nearest(f32::from(units(byte))), byte);
        }
    }

    #[test]
    fn any_damaged_byte_is_noticed() {
        for at in 0..small().len() {
            let mut bytes = small();
            bytes[at] ^= 0x40;
            assert!(parse(bytes).is_err(), "byte {at}");
        }
        for length in 0..small().len() {
            assert!(parse(small()[..length].to_vec()).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn a_newer_model_is_refused_with_its_version() {
        let mut bytes = small();
        bytes[8] = 9;
        let error = parse(bytes).unwrap_err().to_string();
        assert!(error.contains("format 9") && error.contains("format 2"), "{error}");
    }
}
