//! Model files: hashed-feature linear models with weights of one byte.
//!
//! Layout, little-endian: `HARKMODL`; format (u32); version of the features (u32); number of outputs, padding included
//! (u32); for each output its name (u8 length, UTF-8) and bias, slope, offset and threshold (f32 each); number of tables
//! (u32) and for each the number of bits of a row's index (u32) and what one unit of a weight is worth for each output
//! (f32 each); number of languages (u32) and for each its code (u8 length, UTF-8) and what it adds to each output's offset
//! (f32 each); for each table which of its rows are kept, a bit each in words of 32 bits, from the lowest on; zeros up to a multiple
//! of 64 bytes; the rows that are kept, of one table after the other, a signed byte for each output; the first 16 bytes of BLAKE3 over
//! everything before.
//!
//! A row of zeros is not kept: what a core's cache holds is looked up ten times as fast as what it does not.

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
        logistic(self.logit(score, shift))
    }

    /// What [`Output::probability`] is the logistic function of.
    #[must_use]
    pub fn logit(&self, score: f32, shift: f32) -> f32 {
        self.slope * score + self.offset + shift
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

/// A table of weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Table<const N: usize> {
    /// It has `1 << bits` rows.
    pub bits: u32,
    /// What one unit of a weight is worth, for each output.
    pub scales: [f32; N],
}

/// A linear model with `N` outputs.
#[derive(Debug)]
pub struct Model<const N: usize> {
    outputs: Vec<Output>,
    shifts: Vec<Shift<N>>,
    /// With their first block in `blocks`.
    tables: Vec<(Table<N>, usize)>,
    blocks: Vec<Block>,
    weights: Cow<'static, [u8]>,
}

/// Which rows of a table are kept, of 32 that follow each other.
#[derive(Clone, Copy, Debug)]
struct Block {
    /// Rows kept before these.
    before: u32,
    /// A bit for each row, from the lowest on.
    kept: u32,
}

/// Rows of a [`Block`].
const BLOCK_BITS: u32 = u32::BITS.trailing_zeros();

const MAGIC: &[u8; 8] = b"HARKMODL";
const FORMAT: u32 = 5;
/// Where weights begin, so that no row lies across two lines of a cache.
const LINE_BYTES: usize = 64;
const CHECKSUM_BYTES: usize = 16;
/// The bits that say which rows are kept would take a file of more than Hark ships.
const MAX_BITS: u32 = 24;
/// Languages with offsets of their own.
const MAX_SHIFTS: u32 = 256;
/// Kinds of features.
const MAX_TABLES: u32 = 16;

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
        let count = reader.number().ok_or_else(short)? as usize;
        if count != N {
            return Err(corrupt("it has another number of outputs"));
        }
        let outputs = (0..N).map(|_| reader.output()).collect::<Option<Vec<_>>>().ok_or_else(short)?;
        let count = reader.number().filter(|count| *count <= MAX_TABLES).ok_or_else(short)?;
        let read = (0..count).map(|_| reader.table()).collect::<Option<Vec<_>>>().ok_or_else(short)?;
        let languages = reader.number().filter(|count| *count <= MAX_SHIFTS).ok_or_else(short)?;
        let shifts = (0..languages).map(|_| reader.shift()).collect::<Option<Vec<_>>>().ok_or_else(short)?;
        let (mut tables, mut blocks, mut before) = (Vec::new(), Vec::new(), 0_u32);
        for table in read {
            let first = blocks.len();
            for _ in 0..block_count(table.bits) {
                let kept = reader.number().ok_or_else(short)?;
                blocks.push(Block { before, kept });
                before += kept.count_ones();
            }
            tables.push((table, first));
        }
        let from = reader.at.next_multiple_of(LINE_BYTES);
        if body.checked_sub(from) != Some(N * before as usize) {
            return Err(corrupt("its tables have the wrong size"));
        }
        let weights = match bytes {
            Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[from..body]),
            Cow::Owned(bytes) => Cow::Owned(bytes[from..body].to_vec()),
        };
        Ok(Self { outputs, shifts, tables, blocks, weights })
    }

    /// Writes a model; `weights` has the rows of all tables, those too that are not kept.
    #[must_use]
    pub fn write(
        features: u32,
        outputs: &[Output],
        tables: &[Table<N>],
        shifts: &[Shift<N>],
        weights: &[i8],
    ) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let count = |items: usize| u32::try_from(items).unwrap_or(u32::MAX);
        for number in [FORMAT, features, count(outputs.len())] {
            bytes.extend(number.to_le_bytes());
        }
        for output in outputs {
            bytes.push(u8::try_from(output.name.len()).unwrap_or(u8::MAX));
            bytes.extend(output.name.as_bytes());
            for value in [output.bias, output.slope, output.offset, output.threshold] {
                bytes.extend(value.to_le_bytes());
            }
        }
        bytes.extend(count(tables.len()).to_le_bytes());
        for table in tables {
            bytes.extend(table.bits.to_le_bytes());
            bytes.extend(table.scales.iter().flat_map(|scale| scale.to_le_bytes()));
        }
        bytes.extend(count(shifts.len()).to_le_bytes());
        for shift in shifts {
            bytes.push(u8::try_from(shift.language.len()).unwrap_or(u8::MAX));
            bytes.extend(shift.language.as_bytes());
            bytes.extend(shift.offsets.iter().flat_map(|offset| offset.to_le_bytes()));
        }
        let (rows, _) = weights.as_chunks::<N>();
        let kept = |row: &[i8; N]| row.iter().any(|weight| *weight != 0);
        let mut rest = rows;
        for table in tables {
            let (own, others) = rest.split_at(rest.len().min(1 << table.bits));
            rest = others;
            for rows in own.chunks(1 << BLOCK_BITS) {
                let bit = |bits, (at, row)| bits | u32::from(kept(row)) << at;
                bytes.extend((0..).zip(rows).fold(0_u32, bit).to_le_bytes());
            }
        }
        bytes.resize(bytes.len().next_multiple_of(LINE_BYTES), 0);
        let kept = rows.iter().filter(|row| kept(row)).flatten();
        bytes.extend(kept.map(|weight| weight.to_le_bytes()[0]));
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

    /// What one unit of a weight in a table is worth for an output.
    #[must_use]
    pub fn scale(&self, table: usize, output: usize) -> f32 {
        self.tables.get(table).map_or(0.0, |(table, _)| table.scales[output])
    }

    /// Appends the rows of features, each with what came with it, to `rows`; those that weigh nothing are left out. A table that is not
    /// there has none.
    pub(crate) fn rows(&self, table: usize, features: &[(u64, u32)], rows: &mut Vec<(u32, u32)>) {
        let Some((table, first)) = self.tables.get(table) else { return };
        let blocks = self.blocks.get(*first..).unwrap_or_default();
        let from = rows.len();
        rows.resize(from + features.len(), (0, 0));
        let found = &mut rows[from..];
        let mut count = 0;
        for (hash, place) in features {
            let row = row_of(*hash, table.bits);
            let (Some(block), Some(next)) = (blocks.get((row >> BLOCK_BITS) as usize), found.get_mut(count))
            else {
                break;
            };
            let at = row & ((1 << BLOCK_BITS) - 1);
            *next = (block.before + (block.kept & ((1 << at) - 1)).count_ones(), *place);
            // No branch: nobody could foretell it.
            count += (block.kept >> at & 1) as usize;
        }
        rows.truncate(from + count);
    }

    /// Asks memory for rows: a look that nothing waits for lets many more of them come at once than adding them up would.
    fn ask_for(&self, rows: &[(u32, u32)]) {
        let first = |row: u32| self.weights.get(N * row as usize).map_or(0, |weight| *weight);
        std::hint::black_box(rows.iter().fold(0, |looked, (row, _)| looked ^ first(*row)));
    }

    /// Adds rows to the places that came with them, in units of their table's scales.
    pub(crate) fn add(&self, rows: &[(u32, u32)], places: &mut [[i16; N]]) {
        self.ask_for(rows);
        let (weights, _) = self.weights.as_chunks::<N>();
        for (row, place) in rows {
            if let (Some(row), Some(place)) = (weights.get(*row as usize), places.get_mut(*place as usize)) {
                add_row(place, row);
            }
        }
    }

    /// The sum of rows, in units of their table's scales.
    pub(crate) fn sum(&self, rows: &[(u32, u32)]) -> [i32; N] {
        /// So many bytes that are added up cannot overflow 16 bits.
        const ADDED: usize = 256;
        self.ask_for(rows);
        let (weights, _) = self.weights.as_chunks::<N>();
        let mut total = [0; N];
        for rows in rows.chunks(ADDED) {
            let mut sums = [0; N];
            for row in rows.iter().filter_map(|(row, _)| weights.get(*row as usize)) {
                add_row(&mut sums, row);
            }
            for (total, sum) in total.iter_mut().zip(sums) {
                *total += i32::from(sum);
            }
        }
        total
    }
}

#[inline]
fn add_row<const N: usize>(sums: &mut [i16; N], row: &[u8; N]) {
    for (sum, byte) in sums.iter_mut().zip(row) {
        *sum = sum.wrapping_add(i16::from(byte.cast_signed()));
    }
}

fn block_count(bits: u32) -> u32 {
    (1_u32 << bits).div_ceil(1 << BLOCK_BITS)
}

/// The row of a feature in a table of `1 << bits` rows.
#[inline]
#[must_use]
pub fn row_of(hash: u64, bits: u32) -> u32 {
    // The high half: the features' hashes are mixed by multiplication, which leaves the low bits poor.
    (hash >> (64 - bits)) as u32
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

    fn table<const N: usize>(&mut self) -> Option<Table<N>> {
        let bits = self.number().filter(|bits| (1..=MAX_BITS).contains(bits))?;
        let mut scales = [0.0; N];
        for scale in &mut scales {
            *scale = self.take().map(f32::from_le_bytes)?;
        }
        Some(Table { bits, scales })
    }

    fn output(&mut self) -> Option<Output> {
        let name = self.name()?;
        let mut value = || self.take().map(f32::from_le_bytes);
        let (bias, slope, offset, threshold) = (value()?, value()?, value()?, value()?);
        Some(Output { name, bias, slope, offset, threshold })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Vec<u8> {
        let output =
            |name: &str| Output { name: name.into(), bias: 1.0, slope: 1.0, offset: 0.0, threshold: 0.5 };
        let shift = Shift { language: "pl".into(), offsets: [0.5, -0.5] };
        let tables = [Table { bits: 1, scales: [0.5, 1.0] }, Table { bits: 1, scales: [2.0, 3.0] }];
        Model::<2>::write(7, &[output("a"), output("b")], &tables, &[shift], &[0, 0, 3, -4, 5, -6, 7, -8])
    }

    fn parse(bytes: Vec<u8>) -> Result<Model<2>, ModelError> {
        Model::parse("small", 7, Cow::Owned(bytes))
    }

    #[test]
    fn a_model_that_was_written_is_read_back() {
        let model = parse(small()).unwrap();
        let mut rows = Vec::new();
        // The first is a row of zeros, and there is no eighth table.
        model.rows(0, &[(0, 0), (u64::MAX, 0)], &mut rows);
        model.rows(1, &[(0, 1), (u64::MAX, 1)], &mut rows);
        model.rows(7, &[(0, 1)], &mut rows);
        assert_eq!(rows.len(), 3);
        let mut places = [[0; 2]; 2];
        model.add(&rows, &mut places);
        assert_eq!((places, model.sum(&rows)), ([[3, -4], [12, -14]], [15, -18]));
        assert_eq!((model.scale(0, 1), model.scale(1, 0)), (1.0, 2.0));
        assert_eq!(model.outputs()[1].name, "b");
        assert_eq!((model.shift("pl"), model.shift("sv")), ([0.5, -0.5], [0.0, 0.0]));
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
    fn bits_that_do_not_fit_the_rows_are_noticed() {
        let whole = small();
        let body = &whole[..whole.len() - CHECKSUM_BYTES];
        let signed = |body: &[u8]| [body, &blake3::hash(body).as_bytes()[..CHECKSUM_BYTES]].concat();
        // The last block before the zeros that fill a line up.
        let block =
            body.len() - 6 - body[..body.len() - 6].iter().rev().position(|byte| *byte != 0).unwrap() - 1;
        let mut more = body.to_vec();
        more[block] |= 1 << 2;
        let mut fewer = body.to_vec();
        fewer[block] = 0;
        for body in [more, fewer, body[..block].to_vec()] {
            assert!(matches!(parse(signed(&body)), Err(ModelError::Corrupt { .. })), "{body:?}");
        }
        assert!(parse(signed(body)).is_ok());
    }

    #[test]
    fn a_newer_model_is_refused_with_its_version() {
        let mut bytes = small();
        bytes[8] = 9;
        let error = parse(bytes).unwrap_err().to_string();
        assert!(error.contains("format 9") && error.contains("format 5"), "{error}");
    }
}
