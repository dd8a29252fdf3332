//! Times as JSON has them.

use std::fmt;
use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A time span, in seconds with at most six decimals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(transparent)]
pub struct Seconds(#[schemars(with = "f64", range(min = 0))] u64);

/// Longer than anything runs, and far from where sums overflow.
const LONGEST: u64 = 1_000_000_000_000_000;

impl From<Duration> for Seconds {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_micros()).map_or(LONGEST, |micros| micros.min(LONGEST)))
    }
}

impl From<Seconds> for Duration {
    fn from(seconds: Seconds) -> Self {
        Self::from_micros(seconds.0)
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0 as f64 / 1e6)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let micros = (f64::deserialize(deserializer)? * 1e6).round();
        if (0.0..=LONGEST as f64).contains(&micros) {
            Ok(Self(micros as u64))
        } else {
            Err(de::Error::custom("a time in seconds is out of range"))
        }
    }
}

/// A point in time: RFC 3339, in UTC, in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(transparent)]
pub struct Moment(#[schemars(with = "String", extend("format" = "date-time"))] OffsetDateTime);

impl Moment {
    /// The moment with the rest of RFC 3339 that it is written in.
    pub fn date(self) -> OffsetDateTime {
        self.0
    }
}

/// As in JSON.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.format(&Rfc3339).unwrap_or_default())
    }
}

/// 1970 for clocks that are wrong beyond what a date can say.
impl From<SystemTime> for Moment {
    fn from(clock: SystemTime) -> Self {
        let since = clock
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).unwrap_or(0);
        let moment = OffsetDateTime::from_unix_timestamp(seconds);
        let moment =
            moment.and_then(|moment| moment.replace_millisecond(since.subsec_millis() as u16));
        Self(moment.unwrap_or(OffsetDateTime::UNIX_EPOCH))
    }
}

impl From<Moment> for SystemTime {
    fn from(moment: Moment) -> Self {
        let since = moment.0 - OffsetDateTime::UNIX_EPOCH;
        let since = Duration::try_from(since).unwrap_or_default();
        Self::UNIX_EPOCH
            .checked_add(since)
            .unwrap_or(Self::UNIX_EPOCH)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.format(&Rfc3339).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let moment = OffsetDateTime::parse(&text, &Rfc3339);
        let moment = moment.map_err(|error| de::Error::custom(format!("`{text}`: {error}")))?;
        // The same moment as this program writes it, whatever its zone was.
        Ok(SystemTime::from(Self(moment)).into())
    }
}
