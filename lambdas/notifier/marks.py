"""The mark that a version of a report was mailed: what keeps a repeated event from mailing twice.

The mark is set before the mail is handed over and completed afterwards. If the answer of the mail service
is lost in between, nobody knows whether the mail is on its way; it is then not sent again, and the failure
is raised until a person decides (deletes the mark to send, or leaves it). A refusal by the mail service is a
definite answer: the mark is taken back and the next attempt sends. Announcing to the topic is repeated
until it succeeded, because a second short message does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any

from botocore.exceptions import ClientError
from common import keys
from common.clients import decode, encode, error_code

_SORT_KEY = "SENT"


class State(Enum):
    """How far the mailing of a version has come."""

    CLAIMED = "claimed"
    SENDING = "SENDING"
    SENT = "SENT"
    ANNOUNCED = "ANNOUNCED"


@dataclass(frozen=True)
class Marks:
    """The marks in the orders table."""

    client: Any
    table: str

    def claim(self, day: date, version: int, at: str) -> State:
        """Take the right to mail a version.

        Returns:
            CLAIMED if the caller is to send; otherwise how far somebody else has come.
        """
        item = {**_key(day, version), "state": State.SENDING.value, "claimed_at": at}
        try:
            self.client.put_item(
                TableName=self.table,
                Item=encode(item),
                ConditionExpression="attribute_not_exists(pk) OR #state = :refused",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues=encode({":refused": "REFUSED"}),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            response: Mapping[str, Any] = error.response
            return State(decode(response["Item"])["state"])
        return State.CLAIMED

    def refused(self, day: date, version: int) -> None:
        """Give the right back: the mail was definitely not accepted."""
        self._set(day, version, {"state": "REFUSED"})

    def sent(self, day: date, version: int, at: str, message_id: str) -> None:
        """Remember that the mail was accepted."""
        self._set(day, version, {"state": State.SENT.value, "sent_at": at, "message_id": message_id})

    def announced(self, day: date, version: int) -> None:
        """Remember that nothing is left to do."""
        self._set(day, version, {"state": State.ANNOUNCED.value})

    def _set(self, day: date, version: int, values: Mapping[str, str]) -> None:
        self.client.update_item(
            TableName=self.table,
            Key=encode(_key(day, version)),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ExpressionAttributeNames={f"#{name}": name for name in values},
            ExpressionAttributeValues=encode({f":{name}": value for name, value in values.items()}),
        )


def _key(day: date, version: int) -> dict[str, str]:
    return {"pk": keys.mailing(day, version), "sk": _SORT_KEY}
