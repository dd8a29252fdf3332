//! The health check of an image.

use super::lists::{self, Order};
use crate::engine::Healthcheck;
use crate::source::{Located, Place};
use crate::spec::{HealthExpectation, shown as written};
use crate::verdict::Finding;

const KIND: &str = "config.healthcheck";

/// Judges the health check of an image, if it has one.
pub(super) fn judge(
    expected: &Located<HealthExpectation>,
    actual: Option<&Healthcheck>,
) -> Vec<Finding> {
    let finding = |place: &Place, message: String| Finding::new(place, KIND, message);
    let exists = expected.exists.as_ref();
    let place = exists.map_or(&expected.place, |exists| &exists.place);
    let must_exist = exists.is_none_or(|exists| exists.value);
    let actual = match actual {
        None if must_exist => return vec![finding(place, "there is no health check".to_owned())],
        None => return Vec::new(),
        Some(actual) if !must_exist => {
            let message = format!(
                "there must be no health check, there is one: {:?}",
                actual.test
            );
            return vec![finding(place, message)];
        }
        Some(actual) => actual,
    };
    let mut findings = Vec::new();
    if let Some(test) = &expected.test {
        let name = "the test of the health check";
        findings.extend(lists::judge(
            KIND,
            name,
            &test.0,
            &actual.test,
            Order::Counts,
        ));
    }
    let times = [
        (&expected.interval, "interval", actual.interval),
        (&expected.timeout, "timeout", actual.timeout),
        (&expected.start_period, "start period", actual.start_period),
    ];
    for (expected, name, actual) in times {
        if let Some(expected) = expected
            && expected.value != actual
        {
            let message = format!(
                "the {name} of the health check must be {}, it is {}",
                written(expected.value),
                written(actual)
            );
            findings.push(finding(&expected.place, message));
        }
    }
    if let Some(expected) = &expected.retries
        && expected.value != actual.retries
    {
        let message = format!(
            "the retries of the health check must be {}, they are {}",
            expected.value, actual.retries
        );
        findings.push(finding(&expected.place, message));
    }
    findings
}
