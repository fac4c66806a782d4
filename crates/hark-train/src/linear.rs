//! Training of hashed-feature linear models: AdaGrad over examples in an order that a fixed seed gives.

use hark_text::model::{Output, nearest, row_of, units};

/// Examples as features: rows of the table and factors, packed.
#[derive(Default)]
pub struct Features {
    rows: Vec<u32>,
    ends: Vec<usize>,
    norms: Vec<f32>,
}

const FACTOR_SHIFT: u32 = 28;
const ROW_MASK: u32 = (1 << FACTOR_SHIFT) - 1;

impl Features {
    /// Adds a feature of the example that is being added; `factor` is an index into the factors.
    pub fn push(&mut self, hash: u64, factor: usize, bits: u32) {
        let factor = u32::try_from(factor).unwrap_or(0);
        self.rows.push(row_of(hash, bits) | factor << FACTOR_SHIFT);
    }

    /// Ends the example.
    pub fn end(&mut self, norm: f32) {
        self.ends.push(self.rows.len());
        self.norms.push(norm);
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    fn example(&self, index: usize) -> &[u32] {
        let from = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.rows[from..self.ends[index]]
    }
}

/// How training goes.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub bits: u32,
    pub epochs: u32,
    pub rate: f32,
    /// Pulls weights to zero, each time they are touched.
    pub decay: f32,
}

/// A model in training.
pub struct Linear<const N: usize> {
    settings: Settings,
    factors: Vec<f32>,
    /// Rate of each output against the settings'.
    paces: [f32; N],
    weights: Vec<[f32; N]>,
    squares: Vec<[f32; N]>,
    bias: [f32; N],
    bias_squares: [f32; N],
}

impl<const N: usize> Linear<N> {
    pub fn new(settings: Settings, factors: &[f32], paces: [f32; N]) -> Self {
        let rows = 1 << settings.bits;
        Self {
            settings,
            factors: factors.to_vec(),
            paces,
            weights: vec![[0.0; N]; rows],
            squares: vec![[1e-6; N]; rows],
            bias: [0.0; N],
            bias_squares: [1e-6; N],
        }
    }

    pub fn scores(&self, features: &Features, index: usize) -> [f32; N] {
        let mut sums = [0.0; N];
        for &packed in features.example(index) {
            for (sum, weight) in sums.iter_mut().zip(&self.weights[(packed & ROW_MASK) as usize]) {
                *sum += weight;
            }
        }
        let norm = features.norms[index];
        for (sum, bias) in sums.iter_mut().zip(self.bias) {
            *sum = *sum * norm + bias;
        }
        sums
    }

    /// Trains on the examples of `order`; `gradient` gives the derivative of an example's loss by its scores.
    pub fn train(
        &mut self,
        features: &Features,
        order: &mut [u32],
        gradient: impl Fn(usize, &[f32; N]) -> [f32; N],
    ) {
        let mut random = Random(0x5eed_cafe);
        for epoch in 0..self.settings.epochs {
            random.shuffle(order);
            let rate = self.settings.rate * (1.0 - 0.8 * epoch as f32 / self.settings.epochs as f32);
            for &index in order.iter() {
                let index = index as usize;
                let slopes = gradient(index, &self.scores(features, index));
                if slopes.iter().all(|slope| slope.abs() < 1e-3) {
                    continue;
                }
                self.step(features, index, &slopes, rate);
            }
        }
    }

    fn step(&mut self, features: &Features, index: usize, slopes: &[f32; N], rate: f32) {
        let norm = features.norms[index];
        let decay = self.settings.decay;
        // A feature's factor scales its rate: AdaGrad takes no notice of the size of its values.
        for &packed in features.example(index) {
            let rate = rate * self.factors[(packed >> FACTOR_SHIFT) as usize];
            let row = (packed & ROW_MASK) as usize;
            let (weights, squares) = (&mut self.weights[row], &mut self.squares[row]);
            for (((weight, square), slope), pace) in
                weights.iter_mut().zip(squares).zip(slopes).zip(self.paces)
            {
                let g = slope * norm + decay * *weight * slope.abs();
                *square += g * g;
                *weight -= rate * pace * g / square.sqrt();
            }
        }
        for ((bias, square), slope) in self.bias.iter_mut().zip(&mut self.bias_squares).zip(slopes) {
            *square += slope * slope;
            *bias -= 0.1 * rate * slope / square.sqrt();
        }
    }

    /// The weights as bytes, with what makes scores of them; `names` of the outputs.
    pub fn quantise(&self, names: &[&str]) -> (Vec<Output>, Vec<i8>) {
        let mut scales = [0.0_f32; N];
        for (output, scale) in scales.iter_mut().enumerate() {
            let largest = self.weights.iter().map(|weights| weights[output].abs()).fold(0.0, f32::max);
            *scale = (largest / f32::from(units(i8::MAX))).max(1e-9);
        }
        let mut bytes = Vec::with_capacity(self.weights.len() * N);
        for weights in &self.weights {
            bytes.extend(weights.iter().zip(scales).map(|(weight, scale)| nearest(weight / scale)));
        }
        let outputs: Vec<Output> = (0..N)
            .map(|output| Output {
                name: names.get(output).copied().unwrap_or_default().to_owned(),
                scale: scales[output],
                bias: self.bias[output],
                slope: 1.0,
                offset: 0.0,
                threshold: 0.5,
            })
            .collect();
        (outputs, bytes)
    }
}

/// xorshift64*: the order must be the same on every run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn shuffle(&mut self, items: &mut [u32]) {
        for last in (1..items.len()).rev() {
            let other = (self.next() % (last as u64 + 1)) as usize;
            items.swap(last, other);
        }
    }
}
