//! The tokens and the cost of a run, against its budget.

use parking_lot::Mutex;

use crate::model::{ModelBudget, ModelFailure, ModelSettings, Price};
use crate::units::grouped;

/// Tokens of an answer without `max-tokens`, before any answer is known.
pub(super) const FIRST_GUESS: u64 = 256;
/// Bytes of a request for one token. Texts in English have four, in other languages and in code fewer.
pub(super) const BYTES_PER_TOKEN: u64 = 3;

/// Returns an estimate of the tokens of a request of this size.
pub(super) fn request_tokens(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(BYTES_PER_TOKEN)
}

/// Counts the tokens of all requests of a run.
#[derive(Debug)]
pub(super) struct Spending {
    budget: ModelBudget,
    price: Option<Price>,
    name: String,
    state: Mutex<SpendingState>,
}

#[derive(Debug, Default)]
struct SpendingState {
    input: u64,
    output: u64,
    answers: u64,
    reserved_input: u64,
    reserved_output: u64,
}

/// Tokens that are reserved for a request on its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReservedTokens {
    pub(super) input: u64,
    pub(super) output: u64,
}

impl ReservedTokens {
    pub(super) fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

impl Spending {
    pub(super) fn new(settings: &ModelSettings) -> Self {
        let ModelSettings { budget, price, name, .. } = settings;
        Self { budget: *budget, price: *price, name: name.clone(), state: Mutex::default() }
    }

    /// Adds tokens that an earlier part of the run has used.
    pub(super) fn add(&self, input: u64, output: u64) {
        let mut state = self.state.lock();
        state.input = state.input.saturating_add(input);
        state.output = state.output.saturating_add(output);
    }

    /// Returns the tokens and the cost so far.
    pub(super) fn so_far(&self) -> (u64, u64, Option<f64>) {
        let state = self.state.lock();
        (state.input, state.output, self.price.map(|price| price.cost(state.input, state.output)))
    }

    /// Reserves tokens for a request of this size.
    ///
    /// # Errors
    /// The request could exceed the budget.
    pub(super) fn reserve(&self, bytes: usize, max_tokens: Option<u32>) -> Result<ReservedTokens, ModelFailure> {
        let mut state = self.state.lock();
        let mean = state.output.checked_div(state.answers).unwrap_or(FIRST_GUESS).max(1);
        let wanted = ReservedTokens { input: request_tokens(bytes), output: max_tokens.map_or(mean, u64::from) };
        let input = state.input.saturating_add(state.reserved_input).saturating_add(wanted.input);
        let output = state.output.saturating_add(state.reserved_output).saturating_add(wanted.output);
        if let Some(limit) = self.budget.tokens.filter(|limit| input.saturating_add(output) > *limit) {
            let used = state.input.saturating_add(state.output);
            return Err(self.exceeded("tokens", &grouped(limit), &grouped(used)));
        }
        if let (Some(limit), Some(price)) = (self.budget.cost, self.price)
            && price.cost(input, output) > limit
        {
            let used = price.cost(state.input, state.output);
            return Err(self.exceeded("cost", &limit.to_string(), &format!("{used:.4}")));
        }
        state.reserved_input = state.reserved_input.saturating_add(wanted.input);
        state.reserved_output = state.reserved_output.saturating_add(wanted.output);
        Ok(wanted)
    }

    /// Replaces the tokens that were reserved by those that were used.
    pub(super) fn settle(&self, reserved: ReservedTokens, used: Option<(u64, u64)>) {
        let mut state = self.state.lock();
        state.reserved_input = state.reserved_input.saturating_sub(reserved.input);
        state.reserved_output = state.reserved_output.saturating_sub(reserved.output);
        if let Some((input, output)) = used {
            state.input = state.input.saturating_add(input);
            state.output = state.output.saturating_add(output);
            state.answers += 1;
        }
    }

    fn exceeded(&self, what: &str, limit: &str, used: &str) -> ModelFailure {
        ModelFailure {
            message: format!("the next request to model \"{}\" could exceed its budget", self.name),
            causes: vec![format!("{used} of `budget.{what} = {limit}` are used")],
            hint: "raise the budget and continue with `--resume`; answers so far are not paid again".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_on_their_way_count() {
        let mut settings = ModelSettings::new("writer", "http://localhost/", "m");
        settings.budget.tokens = Some(100);
        let spending = Spending::new(&settings);
        let first = spending.reserve(30, Some(40)).unwrap();
        assert_eq!(first.total(), 50);
        let second = spending.reserve(30, Some(40)).unwrap();
        let error = spending.reserve(3, Some(1)).unwrap_err();
        assert_eq!(error.message, "the next request to model \"writer\" could exceed its budget");
        spending.settle(first, Some((8, 2)));
        spending.settle(second, None);
        // Without `max-tokens`, answers are taken to be as long as those so far.
        assert_eq!(spending.reserve(30, None).unwrap().output, 2);
        assert_eq!(spending.so_far(), (8, 2, None));
    }

    #[test]
    fn the_cost_is_limited() {
        let mut settings = ModelSettings::new("writer", "http://localhost/", "m");
        (settings.budget.cost, settings.price) = (Some(0.001), Some(Price { input: 1.0, output: 10.0 }));
        let spending = Spending::new(&settings);
        spending.add(0, 90);
        assert!(spending.reserve(3, Some(10)).is_err());
        assert!(spending.reserve(3, Some(9)).is_ok());
    }
}
