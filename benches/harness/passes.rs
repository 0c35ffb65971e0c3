//! GPU times of passes by name, as the library's spans tell them.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use tracing::{
    Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{
    layer::{Context, Layer, SubscriberExt},
    registry::LookupSpan,
    util::SubscriberInitExt,
};

const PASS: &str = "vulkio::pass";

/// Microseconds of each pass, in the order in which they ended.
#[derive(Clone, Default)]
pub(crate) struct PassTimes(Arc<Mutex<BTreeMap<String, Vec<f64>>>>);

impl PassTimes {
    /// Listens from now on: one of them a process.
    pub(crate) fn listen() -> super::Result<Self> {
        let times = Self::default();
        tracing_subscriber::registry().with(times.clone()).try_init()?;
        Ok(times)
    }

    /// Forgets what was heard.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The median of each pass.
    pub(crate) fn medians(&self) -> Vec<(String, f64)> {
        let times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let middle = |all: &[f64]| {
            let mut all = all.to_vec();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        times.iter().map(|(name, all)| (name.clone(), middle(all))).collect()
    }
}

/// The two fields that count here.
#[derive(Default)]
struct Pass {
    name: String,
    gpu_us: Option<f64>,
}

impl Visit for Pass {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "pass" {
            self.name = format!("{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "pass" {
            value.clone_into(&mut self.name);
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "gpu_us" {
            self.gpu_us = Some(value);
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for PassTimes {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id).filter(|span| span.metadata().target() == PASS) {
            let mut pass = Pass::default();
            attributes.record(&mut pass);
            span.extensions_mut().insert(pass);
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(pass) = span.extensions_mut().get_mut::<Pass>()
        {
            values.record(pass);
        }
    }

    fn on_close(&self, id: span::Id, context: Context<'_, S>) {
        if let Some(span) = context.span(&id)
            && let Some(Pass { name, gpu_us: Some(time) }) = span.extensions().get::<Pass>()
        {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_default().push(*time);
        }
    }
}
