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
