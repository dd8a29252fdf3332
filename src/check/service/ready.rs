//! Waits until a service is up.

use std::time::{Duration, Instant};

use super::attempt::{Attempt, Broken, how};
use super::http::{Failure, Request, listens};
use crate::engine::{Address, Ended, Health, Waited};
use crate::source::Place;
use crate::spec::{LogPattern, ReadyHttp, ServiceCheck, Statuses};

/// How long it may take when the spec says nothing.
const DEFAULT_WITHIN: Duration = Duration::from_secs(30);
/// How soon a port is tried again at first, and at last.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(200)];
/// How long one answer may take before the request is sent again.
const ONE_ANSWER: Duration = Duration::from_secs(5);
/// How long the news of a container's end may take longer than its effects.
const NEWS: Duration = Duration::from_secs(1);
/// How often the engine is asked what the health check says.
const HEALTH_PAUSE: Duration = Duration::from_millis(100);

/// One thing that shows that a service is up.
enum Sign<'a> {
    /// The line with this number.
    Log(usize, &'a LogPattern),
    Port(u16),
    Http(&'a ReadyHttp),
    Health,
}

impl Attempt<'_> {
    /// Waits until all that the spec names has come to pass, one after the other.
    pub(super) fn become_ready(&mut self) -> Result<(), Broken> {
        let check = self.check;
        if let Some(ended @ Ended::NotStarted { .. }) = self.running.ended()? {
            self.find(
                &check.service.place,
                "service.ready",
                format!("the service {}", how(&ended)),
            );
            return Err(Broken::Found);
        }
        let ready = check.service.ready.as_ref();
        let within = ready.and_then(|ready| ready.within);
        let (until, shown) = self.limit(within.unwrap_or(DEFAULT_WITHIN));
        for (place, sign) in signs(check) {
            let missing = match &sign {
                Sign::Log(number, pattern) => self.line(*number, pattern, until)?,
                Sign::Port(port) => self.port(*port, until)?,
                Sign::Http(request) => self.http(request, &place, until)?,
                Sign::Health => self.healthy(until)?,
            };
            let mut place = place;
            let message = match missing {
                Missing::Nothing => continue,
                Missing::Ended(ended) => format!("the service {} before it was ready", how(&ended)),
                Missing::Late(what, of) => {
                    place = of.unwrap_or(place);
                    format!("{what} within {shown}")
                }
                Missing::Never(what) => what,
            };
            self.find(&place, "service.ready", message);
            return Err(Broken::Found);
        }
        Ok(())
    }

    fn line(&self, number: usize, pattern: &LogPattern, until: Instant) -> Result<Missing, Broken> {
        let waited = self
            .running
            .during(until, Box::pin(self.seen.wait_for(number)))?;
        let late = || match pattern {
            LogPattern::Text(text) => format!("the service did not write `{text}`"),
            LogPattern::Matches(regex) => {
                format!("the service wrote no line that matches `{regex}`")
            }
        };
        Ok(Missing::after(waited, late))
    }

    /// Where a port is reached, or how the service ended: it has no ports then.
    fn address(&self, port: u16) -> Result<Result<Address, Ended>, Broken> {
        match self.running.address(port) {
            Ok(address) => Ok(Ok(address)),
            Err(error) => {
                let soon = Instant::now() + NEWS;
                let pending = Box::pin(std::future::pending());
                match self.running.during(soon, pending)? {
                    Waited::Ended(ended) => Ok(Err(ended)),
                    Waited::Done | Waited::TimedOut => Err(error.into()),
                }
            }
        }
    }

    fn port(&self, port: u16, until: Instant) -> Result<Missing, Broken> {
        let address = match self.address(port)? {
            Ok(address) => address,
            Err(ended) => return Ok(Missing::Ended(ended)),
        };
        let work = async {
            let mut pause = PAUSES[0];
            while !listens(address).await {
                tokio::time::sleep(pause).await;
                pause = PAUSES[1].min(pause * 2);
            }
        };
        let waited = self.running.during(until, Box::pin(work))?;
        Ok(Missing::after(waited, || {
            format!("nothing listened on port {port}")
        }))
    }

    fn http(&self, sign: &ReadyHttp, whole: &Place, until: Instant) -> Result<Missing, Broken> {
        let port = sign.port.value.0;
        let path = sign.path.as_ref().map_or("/", |path| &path.value.0);
        let ok = Statuses::ok();
        let statuses = sign.status.as_ref().map_or(&ok, |statuses| &statuses.value);
        let address = match self.address(port)? {
            Ok(address) => address,
            Err(ended) => return Ok(Missing::Ended(ended)),
        };
        let request = Request {
            address,
            port,
            method: "GET",
            path,
            headers: &[],
            body: "",
            statuses,
            wants_body: false,
        };
        let mut last = format!("nothing listened on port {port}");
        let mut place = &sign.port.place;
        let status_place = sign.status.as_ref().map(|status| &status.place);
        let work = async {
            let mut pause = PAUSES[0];
            loop {
                match tokio::time::timeout(ONE_ANSWER, request.send()).await {
                    Ok(Ok(answer)) if answer.is_expected => return,
                    Ok(Ok(answer)) => {
                        let expected = statuses.describe();
                        let status = answer.status;
                        last = format!("the status of GET {path} was not {expected} but {status}");
                        place = status_place.unwrap_or(whole);
                    }
                    Ok(Err(Failure::NotListening)) => {}
                    Ok(Err(Failure::Broken(reason))) => {
                        last = format!("GET {path} was not answered ({reason})");
                        place = whole;
                    }
                    Err(_) => {
                        last = format!("GET {path} was not answered");
                        place = whole;
                    }
                }
                tokio::time::sleep(pause).await;
                pause = PAUSES[1].min(pause * 2);
            }
        };
        let waited = self.running.during(until, Box::pin(work))?;
        Ok(match Missing::after(waited, || last) {
            Missing::Late(what, _) => Missing::Late(what, Some(place.clone())),
            other => other,
        })
    }

    fn healthy(&self, until: Instant) -> Result<Missing, Broken> {
        loop {
            match self.running.health()? {
                Some(Health::Healthy) => return Ok(Missing::Nothing),
                Some(Health::Unhealthy { output }) => {
                    let output = output.trim();
                    let said = if output.is_empty() {
                        String::new()
                    } else {
                        format!(": {output}")
                    };
                    return Ok(Missing::Never(format!("the health check failed{said}")));
                }
                Some(Health::Starting) => {}
                // One that has ended has no health any more.
                None if self.running.ended()?.is_none() => {
                    return Ok(Missing::Never("the image has no health check".to_owned()));
                }
                None => {}
            }
            let pause = until.min(Instant::now() + HEALTH_PAUSE);
            let waited = self
                .running
                .during(pause, Box::pin(std::future::pending()))?;
            if waited != Waited::TimedOut || Instant::now() >= until {
                return Ok(Missing::after(waited, || {
                    "the health check did not succeed".to_owned()
                }));
            }
        }
    }
}

/// What a wait for a sign came to.
enum Missing {
    /// It came.
    Nothing,
    /// The service ended.
    Ended(Ended),
    /// It did not come in time, and where the spec says so if that is not the sign itself.
    Late(String, Option<Place>),
    /// It can't come any more.
    Never(String),
}

impl Missing {
    fn after(waited: Waited, late: impl FnOnce() -> String) -> Self {
        match waited {
            Waited::Done => Self::Nothing,
            Waited::Ended(ended) => Self::Ended(ended),
            Waited::TimedOut => Self::Late(late(), None),
        }
    }
}

/// The lines of the log to look for.
pub(super) fn patterns(check: &ServiceCheck) -> Vec<LogPattern> {
    let ready = check.service.ready.as_ref();
    let patterns = ready.and_then(|ready| ready.log.as_ref());
    let patterns = patterns.into_iter().flat_map(|many| &many.0);
    patterns.map(|pattern| pattern.value.clone()).collect()
}

/// What to wait for. When the spec does not say, the ports that are asked must be open.
fn signs(check: &ServiceCheck) -> Vec<(Place, Sign<'_>)> {
    let Some(ready) = &check.service.ready else {
        let ports = check.requests().map(|request| &request.port);
        let signs = ports.map(|port| (port.place.clone(), Sign::Port(port.value.0)));
        return signs.collect();
    };
    let lines = ready.log.iter().flat_map(|many| &many.0).enumerate();
    let lines = lines.map(|(number, pattern)| {
        let sign = Sign::Log(number, &pattern.value);
        (pattern.place.clone(), sign)
    });
    let ports = ready.port.iter().flat_map(|many| &many.0);
    let ports = ports.map(|port| (port.place.clone(), Sign::Port(port.value.0)));
    let requests = ready.http.iter().flat_map(|many| &many.0);
    let requests = requests.map(|request| (request.place.clone(), Sign::Http(&request.value)));
    let health = ready.healthcheck.iter();
    let health = health.map(|health| (health.place.clone(), Sign::Health));
    lines.chain(ports).chain(requests).chain(health).collect()
}
