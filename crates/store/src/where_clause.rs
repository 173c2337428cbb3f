//! Builds the conditions of a search: text for the engine, values apart from it, never mixed.

use doorward_core::search::Comparison;

use crate::db::Param;

/// A condition that grows.
#[derive(Debug, Default)]
pub struct Where {
    params: Vec<Param<'static>>,
}

impl Where {
    /// A placeholder for one more value.
    pub fn bind(&mut self, value: impl Into<Param<'static>>) -> String {
        self.params.push(value.into());
        format!("${}", self.params.len())
    }

    /// `column IN (…)`, or never if there is nothing to be in.
    pub fn within(&mut self, column: &str, values: &[String]) -> String {
        if values.is_empty() {
            return "1 = 0".to_owned();
        }
        let places: Vec<_> = values.iter().map(|value| self.bind(value.clone())).collect();
        format!("{column} IN ({})", places.join(", "))
    }

    /// The values, in the order of their placeholders.
    pub fn params(&self) -> &[Param<'static>] {
        &self.params
    }
}

/// The most values that one statement of [`ForMany`] asks for.
pub const MOST_VALUES: usize = 64;

/// Statements that ask for 1, 2, 4, … values, so that there are few to prepare.
pub struct ForMany(Vec<String>);

impl ForMany {
    /// Makes each from the list of its placeholders.
    pub fn new(statement: impl Fn(String) -> String) -> Self {
        let places = |power: u32| {
            let places: Vec<_> = (1..=1_usize << power).map(|place| format!("${place}")).collect();
            places.join(", ")
        };
        Self((0..=MOST_VALUES.ilog2()).map(|power| statement(places(power))).collect())
    }

    /// The statement for at most [`MOST_VALUES`] values, and its values: the last one is repeated until it is full.
    pub fn with<'v>(&self, values: &[&'v str]) -> (&str, Vec<Param<'v>>) {
        let count = values.len().min(MOST_VALUES).next_power_of_two();
        let padding = std::iter::repeat_n(values.last().copied().unwrap_or_default(), count);
        let sql = self.0.get(count.ilog2() as usize).map_or("", String::as_str);
        (sql, values.iter().copied().chain(padding).take(count).map(Param::from).collect())
    }
}

/// Joins conditions; `empty` is what none of them means. Many are joined in halves, since engines bound how deep an
/// expression may be, and a chain is as deep as it is long.
pub fn join(conditions: &[String], with: &str, empty: &str) -> String {
    match conditions {
        [] => empty.to_owned(),
        [only] => only.clone(),
        few if few.len() <= 50 => format!("({})", few.join(with)),
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            format!("({}{with}{})", join(left, with, empty), join(right, with, empty))
        }
    }
}

/// The operator of a comparison.
pub const fn operator(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
    }
}
