//! Training of hashed-feature linear models: AdaGrad over examples in an order that a fixed seed gives.

use hark_text::{
    features::Norms,
    model::{Output, Table, row_of},
};

/// Examples as features: rows of all tables together and, packed with them, which table.
#[derive(Default)]
pub struct Features {
    rows: Vec<u32>,
    ends: Vec<usize>,
    norms: Vec<(Norms, Norms)>,
}

const TABLE_SHIFT: u32 = 28;
const ROW_MASK: u32 = (1 << TABLE_SHIFT) - 1;

/// The weights are the mean of those after this epoch and later ones, which is steadier than the last ones alone.
const AVERAGED_FROM: u32 = 2;

/// Which norm a feature has.
fn kind(packed: u32) -> usize {
    usize::from(packed >> TABLE_SHIFT == 2)
}

impl Features {
    /// Adds a feature of the example that is being added; `bits` are those of the tables.
    pub fn push(&mut self, table: usize, hash: u64, bits: &[u32]) {
        let first: u32 = bits[..table].iter().map(|bits| 1 << bits).sum();
        self.rows.push((first + row_of(hash, bits[table])) | (table as u32) << TABLE_SHIFT);
    }

    /// Ends the example; the norms of the first outputs, and those of the others.
    pub fn end(&mut self, norms: (Norms, Norms)) {
        self.ends.push(self.rows.len());
        self.norms.push(norms);
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Leaves out what lies in other rows than these. The norms stay as they are: a text is as long as it is, whatever of it weighs
    /// something.
    pub fn retain(&mut self, kept: &[bool]) {
        let mut left = Vec::with_capacity(self.rows.len());
        let mut from = 0;
        for end in &mut self.ends {
            left.extend(self.rows[from..*end].iter().filter(|packed| kept[(**packed & ROW_MASK) as usize]));
            from = std::mem::replace(end, left.len());
        }
        self.rows = left;
    }

    fn example(&self, index: usize) -> &[u32] {
        let from = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.rows[from..self.ends[index]]
    }
}

/// How training goes.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Of each table.
    pub bits: &'static [u32],
    /// Rows of each table that a model keeps.
    pub kept: &'static [usize],
    pub epochs: u32,
    pub rate: f32,
}

/// A model in training.
pub struct Linear<const N: usize> {
    settings: Settings,
    /// Of each table's rate: AdaGrad takes no notice of the size of a feature's value.
    factors: Vec<f32>,
    /// Rate of each output against the settings'.
    paces: [f32; N],
    /// The first output that has the second norms.
    second: usize,
    weights: Vec<[f32; N]>,
    squares: Vec<[f32; N]>,
    bias: [f32; N],
    bias_squares: [f32; N],
}

impl<const N: usize> Linear<N> {
    pub fn new(settings: Settings, factors: &[f32], paces: [f32; N], second: usize) -> Self {
        let rows = settings.bits.iter().map(|bits| 1 << bits).sum();
        Self {
            settings,
            factors: factors.to_vec(),
            paces,
            second,
            weights: vec![[0.0; N]; rows],
            squares: vec![[1e-6; N]; rows],
            bias: [0.0; N],
            bias_squares: [1e-6; N],
        }
    }

    pub fn scores(&self, features: &Features, index: usize) -> [f32; N] {
        self.scores_of(features.example(index), features.norms[index])
    }

    fn scores_of(&self, example: &[u32], norms: (Norms, Norms)) -> [f32; N] {
        let mut sums = [[0.0; N]; 2];
        for &packed in example {
            for (sum, weight) in
                sums[kind(packed)].iter_mut().zip(&self.weights[(packed & ROW_MASK) as usize])
            {
                *sum += weight;
            }
        }
        let mut scores = self.bias;
        for (kind, sums) in sums.iter().enumerate() {
            for ((score, sum), norm) in scores.iter_mut().zip(sums).zip(self.norms(norms, kind)) {
                *score += sum * norm;
            }
        }
        scores
    }

    /// The norm of each output for a kind of features.
    fn norms(&self, norms: (Norms, Norms), kind: usize) -> [f32; N] {
        std::array::from_fn(|output| if output < self.second { norms.0[kind] } else { norms.1[kind] })
    }

    /// Trains on the examples of `order`, shuffled as `seed` says; `gradient` gives the derivative of an example's loss by its scores.
    pub fn train(
        &mut self,
        features: &Features,
        order: &[u32],
        seed: u64,
        gradient: impl Fn(usize, &[f32; N]) -> [f32; N],
    ) {
        let mut order = order.to_vec();
        let mut random = Random(seed);
        let mut sum = vec![[0.0; N]; self.weights.len()];
        let mut summed = 0;
        for epoch in 0..self.settings.epochs {
            random.shuffle(&mut order);
            let rate = self.settings.rate * (1.0 - 0.8 * epoch as f32 / self.settings.epochs as f32);
            for &index in &order {
                let index = index as usize;
                let slopes = gradient(index, &self.scores(features, index));
                if slopes.iter().all(|slope| slope.abs() < 1e-3) {
                    continue;
                }
                self.step(features.example(index), features.norms[index], &slopes, rate);
            }
            if epoch >= AVERAGED_FROM {
                for (sum, weight) in sum.as_flattened_mut().iter_mut().zip(self.weights.as_flattened()) {
                    *sum += weight;
                }
                summed += 1;
            }
        }
        let part = 1.0 / summed.max(1) as f32;
        for (weight, sum) in self.weights.as_flattened_mut().iter_mut().zip(sum.as_flattened()) {
            *weight = sum * part;
        }
    }

    /// The model that scores as these do on average.
    pub fn mean(models: Vec<Self>) -> Self {
        let part = 1.0 / models.len() as f32;
        let mut models = models.into_iter();
        let mut mean = models.next().expect("at least one order of the examples");
        let add =
            |sum: &mut [f32], more: &[f32]| sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        for model in models {
            add(mean.weights.as_flattened_mut(), model.weights.as_flattened());
            add(&mut mean.bias, &model.bias);
        }
        mean.weights.as_flattened_mut().iter_mut().chain(&mut mean.bias).for_each(|weight| *weight *= part);
        mean
    }

    /// The rows that are worth keeping: those that change most, which is what a row adds to the scores, squared, as often as it does so.
    /// What one example of `order` has alone tells nothing of others.
    pub fn heaviest(&self, features: &Features, order: &[u32]) -> Vec<bool> {
        let mut examples = order.to_vec();
        examples.sort_unstable();
        examples.dedup();
        let mut counts = vec![0_u32; self.weights.len()];
        let mut rows = Vec::new();
        for index in examples {
            rows.clear();
            rows.extend(features.example(index as usize).iter().map(|packed| packed & ROW_MASK));
            rows.sort_unstable();
            rows.dedup();
            rows.iter().for_each(|row| counts[*row as usize] += 1);
        }
        let mut kept = vec![false; self.weights.len()];
        let mut first = 0;
        assert_eq!(
            self.settings.bits.len(),
            self.settings.kept.len(),
            "a table of which it is not known how much is kept"
        );
        for (bits, most) in self.settings.bits.iter().zip(self.settings.kept) {
            let worth = |row: usize| {
                let squares: f32 = self.weights[row].iter().map(|weight| weight * weight).sum();
                squares * counts[row].saturating_sub(1) as f32
            };
            let mut rows: Vec<(f32, usize)> = (first..first + (1 << bits))
                .map(|row| (worth(row), row))
                .filter(|(worth, _)| *worth > 0.0)
                .collect();
            rows.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
            rows.iter().take(*most).for_each(|(_, row)| kept[*row] = true);
            first += 1 << bits;
        }
        kept
    }

    fn step(&mut self, example: &[u32], norms: (Norms, Norms), slopes: &[f32; N], rate: f32) {
        let norms = [self.norms(norms, 0), self.norms(norms, 1)];
        let scaled = norms.map(|norms| std::array::from_fn::<f32, N, _>(|at| norms[at] * slopes[at]));
        for &packed in example {
            let rate = rate * self.factors[(packed >> TABLE_SHIFT) as usize];
            let slopes = &scaled[kind(packed)];
            let row = (packed & ROW_MASK) as usize;
            let (weights, squares) = (&mut self.weights[row], &mut self.squares[row]);
            for (((weight, square), slope), pace) in
                weights.iter_mut().zip(squares).zip(slopes).zip(self.paces)
            {
                *square += slope * slope;
                *weight -= rate * pace * slope / square.sqrt();
            }
        }
        for ((bias, square), slope) in self.bias.iter_mut().zip(&mut self.bias_squares).zip(slopes) {
            *square += slope * slope;
            *bias -= 0.1 * rate * slope / square.sqrt();
        }
    }

    /// The weights as bytes, with what makes scores of them; `names` of the outputs.
    pub fn quantise(&self, names: &[&str]) -> (Vec<Output>, Vec<Table<N>>, Vec<i8>) {
        let mut tables = Vec::new();
        let mut bytes = Vec::with_capacity(self.weights.len() * N);
        let mut rest = self.weights.as_slice();
        for &bits in self.settings.bits {
            let (rows, others) = rest.split_at(1 << bits);
            rest = others;
            let mut scales = [0.0_f32; N];
            for (output, scale) in scales.iter_mut().enumerate() {
                let largest = rows.iter().map(|weights| weights[output].abs()).fold(0.0, f32::max);
                *scale = (largest / f32::from(i8::MAX)).max(1e-9);
            }
            for weights in rows {
                bytes
                    .extend(weights.iter().zip(scales).map(|(weight, scale)| (weight / scale).round() as i8));
            }
            tables.push(Table { bits, scales });
        }
        let outputs: Vec<Output> = (0..N)
            .map(|output| Output {
                name: names.get(output).copied().unwrap_or_default().to_owned(),
                bias: self.bias[output],
                slope: 1.0,
                offset: 0.0,
                threshold: 0.5,
            })
            .collect();
        (outputs, tables, bytes)
    }
}

/// xorshift64*: the order must be the same on every run.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below this one, which is not 0.
    pub fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }

    fn shuffle(&mut self, items: &mut [u32]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_models_scores_as_they_do_on_average() {
        let mut features = Features::default();
        features.push(0, 0, &[1]);
        features.end(([1.0; 2], [1.0; 2]));
        let model = |weight: f32, bias: f32| {
            let settings = Settings { bits: &[1], kept: &[2], epochs: 1, rate: 1.0 };
            let mut model = Linear::<1>::new(settings, &[1.0], [1.0], 1);
            (model.weights[0], model.bias) = ([weight], [bias]);
            model
        };
        let mean = Linear::mean(vec![model(1.0, 0.0), model(2.0, 3.0), model(6.0, 3.0)]);
        assert_eq!(mean.scores(&features, 0), [5.0]);
    }
}
