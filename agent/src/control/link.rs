//! The connection with the broker: MQTT 3.1.1, quality of service 1.
//!
//! One message of ours is under way at a time, and the next goes when the broker has it. An order
//! is acknowledged when it is on our disk. After a broken line everything begins anew from what is
//! on the disk, so that nothing hangs on what a library remembers.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use agent::notify::Manager;
use control::{ORDER_MAX, Topic, Topics, reconnect_after};
use health::Report;
use rumqttc::{
    AsyncClient, ClientError, ConnectReturnCode, Event, EventLoop, LastWill, MqttOptions, Outgoing,
    Packet, Publish, QoS, SubscribeReasonCode, Transport,
};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{interval, sleep};

use crate::desk::{Desk, Now};
use crate::error::ControlError;
use crate::relay::{Call, Line};
use crate::reports::{self, Reports};

/// The broker takes a device for gone after one and a half times this.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// So long a message may be under way, and a connection may take to be heard.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often open orders are looked after.
const ROUND: Duration = Duration::from_secs(2);
/// Packets of the broker beyond the topic's name and the header.
const PACKET_ROOM: usize = 256;
/// Events that wait for us; then the broker waits.
const EVENTS: usize = 16;

/// Everything that a connection works with.
pub(crate) struct Link<'a> {
    pub(crate) line: Line,
    pub(crate) desk: Desk,
    pub(crate) reports: Reports,
    /// For the socket between the MQTT client and us.
    pub(crate) private: &'a Path,
    pub(crate) device: control::DeviceId,
    pub(crate) manager: Manager,
    pub(crate) started: Instant,
    /// Where it is written whether the broker is there.
    pub(crate) state: &'a Path,
    pub(crate) random: fn() -> u64,
}

/// A message of ours that is under way.
enum Sent {
    Presence,
    Answer(u64),
    Health(Box<Report>),
}

/// One connection.
struct Session {
    client: AsyncClient,
    events: Receiver<Result<Event, ()>>,
    polling: JoinHandle<()>,
    heard: bool,
    /// Handed to the client, not yet numbered by it.
    handed: VecDeque<Sent>,
    under_way: Option<(u16, Sent)>,
    /// Since when we wait for the broker.
    waiting: Option<Instant>,
}

impl Link<'_> {
    /// Connects, again and again, until `stop` is told.
    ///
    /// # Errors
    /// The state cannot be kept: then nothing may be acknowledged, and the program ends.
    pub(crate) async fn run(
        &mut self,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), ControlError> {
        let mut failed = 0;
        while !*stop.borrow() {
            let heard = self.connect(&mut stop).await?;
            failed = if heard { 1 } else { failed + 1_u32 };
            let pause = reconnect_after(failed, (self.random)());
            let until = Instant::now() + pause;
            while Instant::now() < until && !*stop.borrow() {
                let rest = until.saturating_duration_since(Instant::now()).min(ROUND);
                tokio::select! {
                    () = sleep(rest) => self.round()?,
                    _ = stop.changed() => {}
                }
            }
        }
        Ok(())
    }

    /// One connection until it breaks. Gives whether the broker heard us.
    async fn connect(&mut self, stop: &mut watch::Receiver<bool>) -> Result<bool, ControlError> {
        let call = Call::begin(self.line.clone(), self.private).map_err(ControlError::System)?;
        let mut session = Session::begin(self.options(&call));
        let mut rounds = interval(ROUND);
        let outcome = loop {
            let goes_on = tokio::select! {
                event = session.events.recv() => match event {
                    Some(Ok(event)) => self.event(&mut session, event)?,
                    _ => false,
                },
                _ = rounds.tick() => {
                    self.round()?;
                    self.send_next(&mut session) && !session.is_stuck()
                }
                _ = stop.changed() => false,
            };
            if !goes_on {
                break session.heard;
            }
        };
        // Without a word of parting: the broker says for us that we are gone.
        session.polling.abort();
        let _ = session.polling.await;
        if let Some(error) = call.end().await {
            tell(&format!("line: {:?}", error.kind()));
        }
        self.note(false);
        Ok(outcome)
    }

    fn options(&self, call: &Call) -> MqttOptions {
        let topics = Topics(&self.device);
        let socket = call.socket.display().to_string();
        let mut options = MqttOptions::new(self.device.as_str(), socket, 0);
        options.set_transport(Transport::Unix);
        options.set_keep_alive(KEEP_ALIVE);
        // The broker keeps orders for us while we are away.
        options.set_clean_session(false);
        options.set_manual_acks(true);
        options.set_inflight(4);
        options.set_max_packet_size(ORDER_MAX + PACKET_ROOM, ORDER_MAX);
        let gone = topics.name(Topic::Presence);
        options.set_last_will(LastWill::new(gone, "0", QoS::AtLeastOnce, true));
        options
    }

    fn now(&self) -> Now {
        Now {
            clock: jiff::Timestamp::now().as_second(),
            elapsed: self.started.elapsed(),
        }
    }

    /// Goes on with what was ordered, whether the broker is there or not.
    fn round(&mut self) -> Result<(), ControlError> {
        self.manager.alive();
        let now = self.now();
        self.desk.work(now, &self.reports)
    }

    /// Gives whether the connection goes on.
    fn event(&mut self, session: &mut Session, event: Event) -> Result<bool, ControlError> {
        match event {
            Event::Incoming(Packet::ConnAck(answer)) => {
                session.heard = answer.code == ConnectReturnCode::Success;
                session.waiting = None;
                Ok(session.heard && self.greet(session).is_ok())
            }
            Event::Incoming(Packet::SubAck(answer)) => {
                // A broker that does not let us hear our own orders is set up wrongly.
                let refused = answer.return_codes.contains(&SubscribeReasonCode::Failure);
                if refused {
                    tell("the broker refuses orders");
                }
                self.note(!refused);
                if !refused {
                    self.desk.met(self.now());
                }
                Ok(!refused)
            }
            Event::Incoming(Packet::Publish(message)) => self.order(session, &message),
            Event::Incoming(Packet::PingResp) => {
                self.desk.met(self.now());
                Ok(true)
            }
            Event::Incoming(Packet::PubAck(answer)) => {
                self.arrived(session, answer.pkid)?;
                Ok(self.send_next(session))
            }
            Event::Outgoing(Outgoing::Publish(number)) => {
                session.under_way = session.handed.pop_front().map(|sent| (number, sent));
                Ok(true)
            }
            _ => Ok(true),
        }
    }

    fn greet(&self, session: &mut Session) -> Result<(), ClientError> {
        let topics = Topics(&self.device);
        let orders = topics.name(Topic::Orders);
        session.client.try_subscribe(orders, QoS::AtLeastOnce)?;
        let here = topics.name(Topic::Presence);
        session.send(Sent::Presence, here, true, b"1".to_vec())
    }

    fn order(&mut self, session: &Session, message: &Publish) -> Result<bool, ControlError> {
        if message.topic == Topics(&self.device).name(Topic::Orders) {
            let now = self.now();
            if self.desk.message(&message.payload, now)? {
                self.desk.work(now, &self.reports)?;
            }
        }
        Ok(session.client.try_ack(message).is_ok())
    }

    fn arrived(&mut self, session: &mut Session, number: u16) -> Result<(), ControlError> {
        let Some((_, sent)) = session.under_way.take_if(|(own, _)| *own == number) else {
            return Ok(());
        };
        session.waiting = None;
        let now = self.now();
        match sent {
            Sent::Presence => Ok(()),
            Sent::Answer(order) => self.desk.told(order),
            Sent::Health(report) => self.reports.told(&report, now.elapsed),
        }
    }

    /// Sends the next message if none is under way. Answers go first.
    fn send_next(&mut self, session: &mut Session) -> bool {
        if !session.heard || session.under_way.is_some() || !session.handed.is_empty() {
            return true;
        }
        let topics = Topics(&self.device);
        let answer = self.desk.answer();
        if let Some((answer, bytes)) = answer.and_then(|it| Some((it.number, it.to_bytes().ok()?)))
        {
            let topic = topics.name(Topic::Answers);
            return session
                .send(Sent::Answer(answer), topic, false, bytes)
                .is_ok();
        }
        let report = self.reports.next(self.started.elapsed());
        match report.and_then(|it| Some((reports::bytes(&it)?, it))) {
            Some((bytes, report)) => {
                let topic = topics.name(Topic::Health);
                let report = Sent::Health(Box::new(report));
                session.send(report, topic, false, bytes).is_ok()
            }
            None => true,
        }
    }

    /// For the panel and the local page. That it cannot be written stops nothing.
    fn note(&self, connected: bool) {
        let at = jiff::Timestamp::now().as_second();
        let line = format!("{{\"connected\":{connected},\"since\":{at}}}\n");
        let _ = agent::files::replace(self.state, "link.json", line.as_bytes());
    }
}

impl Session {
    fn begin(options: MqttOptions) -> Self {
        let (client, mut packets) = AsyncClient::new(options, EVENTS);
        let patience = PATIENCE.as_secs();
        let mut network = packets.network_options();
        network.set_connection_timeout(patience);
        packets.set_network_options(network);
        let (sender, events) = channel(EVENTS);
        let polling = tokio::spawn(async move { poll(packets, sender).await });
        Self {
            client,
            events,
            polling,
            heard: false,
            handed: VecDeque::new(),
            under_way: None,
            waiting: Some(Instant::now()),
        }
    }

    fn send(
        &mut self,
        sent: Sent,
        topic: String,
        keep: bool,
        bytes: Vec<u8>,
    ) -> Result<(), ClientError> {
        let quality = QoS::AtLeastOnce;
        self.client.try_publish(topic, quality, keep, bytes)?;
        self.handed.push_back(sent);
        self.waiting = Some(Instant::now());
        Ok(())
    }

    /// Whether the broker has kept us waiting too long.
    fn is_stuck(&self) -> bool {
        self.waiting.is_some_and(|since| since.elapsed() > PATIENCE)
    }
}

async fn poll(mut packets: EventLoop, sender: tokio::sync::mpsc::Sender<Result<Event, ()>>) {
    loop {
        let event = packets.poll().await;
        let event = event.map_err(|error| tell(&format!("MQTT: {}", kind(&error))));
        let over = event.is_err();
        if sender.send(event).await.is_err() || over {
            return;
        }
    }
}

/// A word of ours for what a library says: a broker's own words are not for our log.
fn kind(error: &rumqttc::ConnectionError) -> &'static str {
    use rumqttc::ConnectionError as Error;
    match error {
        Error::MqttState(_) => "out of order",
        Error::NetworkTimeout | Error::FlushTimeout => "no answer in time",
        Error::Io(_) => "broken off",
        Error::ConnectionRefused(_) => "refused",
        Error::NotConnAck(_) => "no greeting",
        Error::RequestsDone => "ended",
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the service manager keeps what is told here"
)]
fn tell(text: &str) {
    eprintln!("sekisho-control: {text}");
}
