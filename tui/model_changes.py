"""What deploying, rolling back, reverting and shadowing would change, said before it is done.

Pure functions over a reading. They say what `core.registry` does; where it would refuse at once they say why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tui.model_words import FACTORY

if TYPE_CHECKING:
    from core.snapshot.models import Models, Version

Verb = Literal["deploy", "rollback", "revert", "start shadow", "stop shadow"]


@dataclass(frozen=True, slots=True)
class Plan:
    """A change that waits for a yes.

    Attributes:
        version: the version it is about; "" where the pointer alone decides.
        speaker: whose line is rolled back; None for the champion's.
        changes: one sentence each; those that begin with "!" are warnings.
        done: what to say when it is done.
    """

    verb: Verb
    version: str
    speaker: str | None
    title: str
    changes: tuple[str, ...]
    done: str


def deploy(data: Models, version: Version) -> Plan | str:
    """Let a version answer."""
    card, active, name = version.card, data.active, version.name
    if card is None:
        return f"{name} cannot be deployed: {version.problem}."
    warnings = _warnings(data, version)
    if card.speaker:
        now = active.speakers.get(card.speaker)
        if now == name:
            return f"{name} answers speaker {card.speaker} already."
        instead = f"{now}, which stays and comes back with R" if now else f"the champion {active.champion}"
        changes = (
            f"{name} answers while speaker {card.speaker} is set, instead of {instead}.",
            f"Everybody else is answered by {active.champion} as before.",
        )
        done = f"{name} answers speaker {card.speaker} now."
        return Plan("deploy", name, card.speaker, f"Deploy {name} for {card.speaker}", changes + warnings, done)
    if active.champion == name and active.damaged:
        changes = (f"{name} goes on answering, and active.json is written anew.", *_speakers_stay(data))
        return Plan(
            "deploy", name, None, f"Deploy {name} again", changes + warnings, f"{name} answers, and the file is whole."
        )
    if active.champion == name:
        return f"{name} is the champion already."
    changes = (
        f"{name} answers from now on instead of {active.champion}.",
        f"{active.champion} stays and can be brought back with R.",
        *_shadow_ends(data, name),
        *_speakers_stay(data),
    )
    return Plan("deploy", name, None, f"Deploy {name}", changes + warnings, f"{name} answers now.")


def rollback(data: Models, version: Version | None) -> Plan | str:
    """Bring back what answered before: of the chosen version's speaker where it answers one, else of everybody."""
    active = data.active
    speaker = next((who for who, now in sorted(active.speakers.items()) if version and now == version.name), None)
    if speaker is not None:
        return _rollback_speaker(data, speaker)
    if not active.previous:
        return "There is no earlier champion to go back to."
    back, further = active.previous[0], active.previous[1:2]
    changes = (
        f"{back} answers again instead of {active.champion}.",
        f"{active.champion} stays and can be deployed again with D.",
        *([f"Before {back} it was {further[0]}: a second R goes back to that."] if further else []),
        *_shadow_ends(data, back),
        *_speakers_stay(data),
        *_warnings(data, data.version(back)),
    )
    return Plan("rollback", back, None, f"Roll back to {back}", changes, f"{back} answers again.")


def _rollback_speaker(data: Models, speaker: str) -> Plan:
    active = data.active
    now, trail = active.speakers[speaker], active.speakers_previous.get(speaker, ())
    back = trail[0] if trail else active.champion
    first = (
        f"{back} answers speaker {speaker} again instead of {now}."
        if trail
        else f"{speaker} had no version before {now}: the champion {back} answers {speaker} again."
    )
    changes = (
        first,
        f"{now} stays and can be deployed again with D.",
        f"Everybody else is answered by {active.champion} as before.",
        *_warnings(data, data.version(back)),
    )
    done = f"{back} answers speaker {speaker} again."
    return Plan("rollback", back, speaker, f"Roll back {speaker} to {back}", changes, done)


def revert(data: Models) -> Plan | str:
    """Go back to the factory's model for everybody."""
    active, factory = data.active, data.version(FACTORY)
    if factory is None:
        return f"{data.task} came without a factory model."
    if active.champion == FACTORY and not active.speakers and active.challenger is None:
        return "The factory's model answers already."
    changes: list[str] = []
    if active.champion != FACTORY:
        changes.append(f"The factory's model answers from now on instead of {active.champion}.")
        changes.append(f"{active.champion} stays and can be brought back with R.")
    for who, now in sorted(active.speakers.items()):
        changes.append(f"It answers speaker {who} too, instead of {now}; D on {now} brings that back, R does not.")
    changes += _shadow_ends(data, FACTORY)
    changes.append("Trained versions and your corrections stay.")
    changes += _warnings(data, factory)
    return Plan("revert", FACTORY, None, "Revert to factory", tuple(changes), "The factory's model answers now.")


def shadow(data: Models, version: Version) -> Plan | str:
    """Start or end that a version answers in shadow."""
    active, name = data.active, version.name
    if name == active.challenger:
        changes = (
            f"{name} no longer answers in shadow; {active.champion} goes on answering.",
            "What both have said so far is kept and counts again if you start again.",
        )
        return Plan("stop shadow", name, None, f"End the shadow of {name}", changes, f"{name} rests.")
    if name == active.champion:
        return f"{name} is the champion: choose another version to answer in its shadow."
    if version.card is None:
        return f"{name} cannot answer: {version.problem}."
    changes = (
        f"{name} answers every new clip too, unseen; {active.champion} goes on answering you.",
        f"{name} takes over by itself once it is shown to be better, and rests once it is shown to be worse.",
        *([f"{active.challenger} no longer answers in shadow."] if active.challenger else []),
        *_warnings(data, version),
    )
    return Plan("start shadow", name, None, f"{name} in shadow", changes, f"{name} answers in shadow now.")


def _shadow_ends(data: Models, answers: str) -> list[str]:
    challenger = data.active.challenger
    if challenger is None:
        return []
    if challenger == answers:
        return [f"Its shadow comparison with {data.active.champion} ends; nothing changes back by itself then."]
    return [f"{challenger} no longer answers in shadow; the running comparison ends."]


def _speakers_stay(data: Models) -> list[str]:
    return [f"Speaker {who} is still answered by {now}." for who, now in sorted(data.active.speakers.items())]


def _warnings(data: Models, version: Version | None) -> tuple[str, ...]:
    found: list[str] = []
    if version is not None and version.problem:
        found.append(f"! {version.name}: {version.problem}. It will be refused, and nothing changes.")
    if version is not None and version.card is not None and version.card.verdict == "revert":
        found.append(f"! The verdict on {version.name} was revert: it was shown to be worse than what answered then.")
    if (forced := data.overriding) is not None:
        found.append(
            f"! {forced.variable} is set: {forced.version} goes on answering in this environment all the same."
        )
    return tuple(found)
