//! Figures with the bounds that they are to keep.

use std::fmt::Display;

/// Printed as they come; remembered for the end.
#[derive(Default)]
pub struct Figures {
    missed: usize,
    all: Vec<serde_json::Value>,
}

impl Figures {
    /// A figure without a bound.
    pub fn tell(&mut self, name: &str, value: impl Display, unit: &str) {
        println!("  {name:<66} {value:>9} {unit}");
        self.all.push(serde_json::json!({"name": name, "value": value.to_string(), "unit": unit}));
    }

    /// A figure that must not be above `bound`.
    pub fn at_most(&mut self, name: &str, value: f64, unit: &str, bound: f64) {
        self.bounded(name, value, unit, &format!("<= {bound}"), value <= bound);
    }

    /// A figure that must not be below `bound`.
    pub fn at_least(&mut self, name: &str, value: f64, unit: &str, bound: f64) {
        self.bounded(name, value, unit, &format!(">= {bound}"), value >= bound);
    }

    fn bounded(&mut self, name: &str, value: f64, unit: &str, bound: &str, met: bool) {
        let shown = if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.2}") };
        println!("  {name:<66} {shown:>9} {unit:<8} {bound} {}", if met { "ok" } else { "MISSED" });
        self.missed += usize::from(!met);
        self.all.push(serde_json::json!({
            "name": name, "value": value, "unit": unit, "target": bound, "met": met,
        }));
    }

    pub fn missed(&self) -> usize {
        self.missed
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({"missed": self.missed, "figures": self.all})
    }

    /// One line.
    pub fn summary(&self, what: &str) -> String {
        let bounded = self.all.iter().filter(|figure| figure.get("met").is_some()).count();
        format!("{what}: {bounded} bounds, {} missed", self.missed)
    }
}

/// The middle one.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
