"""What a house does all the time for its alerts: count, look by the clock, tell. Each in one process of all."""

from audit.ledger import Ledger
from proxy.alerting.channels import Channel, ChannelSink
from proxy.alerting.counter import NAME, Counter, Herald
from proxy.alerting.kinds import Carrier
from proxy.alerting.terms import Terms
from proxy.alerting.verifying import Verifier
from proxy.alerting.watch import Watch
from proxy.followers import Duty, Follower
from proxy.office.cursors import CursorBook
from proxy.office.store import Office
from proxy.office.tallies import TallyBook
from proxy.settings import BadSettings, Settings


def duties_of(settings: Settings, terms: Terms, ledger: Ledger, office: Office) -> tuple[Duty, ...]:
    """The duties, not yet begun. Raises `BadSettings` for a channel that cannot be opened."""
    cursors, tallies = CursorBook(office), TallyBook(office)
    counter = Counter(terms.thresholds, ledger, tallies)
    watch = Watch(
        terms.thresholds,
        ledger.address,
        cursors,
        tallies,
        Herald(ledger),
        Verifier(settings),
        note_every=settings.note_every,
    )
    telling = [
        Follower(
            channel.follower,
            ledger.address,
            cursors,
            ChannelSink(channel, opened(channel, settings), settings.public_url),
            wanted=channel.takes,
            own=lambda: ledger.writer,
            every=channel.kind.every(channel.form),
        )
        for channel in terms.channels
    ]
    return (
        Follower(NAME, ledger.address, cursors, counter, own=lambda: ledger.writer),
        watch,
        *telling,
    )


def opened(channel: Channel, settings: Settings) -> Carrier:
    """What brings letters there. Raises `BadSettings`."""
    try:
        return channel.kind.open(channel.form, settings)
    except OSError as error:
        raise BadSettings(
            f"知らせる先 {channel.name}: {error.filename} を読めません / channel {channel.name}: cannot read it: {error.strerror}"
        ) from None
    except UnicodeDecodeError:
        raise BadSettings(
            f"知らせる先 {channel.name}: 秘密のファイルがUTF-8ではありません / channel {channel.name}: its secret is not UTF-8"
        ) from None
    except ValueError as error:
        raise BadSettings(str(error)) from None
