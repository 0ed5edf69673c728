"""Being sure of the account before anything else is asked of AWS."""

from __future__ import annotations

from tfgen import aws
from tfgen.aws import Aws
from tfgen.errors import TfgenError
from tfgen.model import PLACEHOLDER_ACCOUNT, Environment


def check_placeholder(environment: Environment) -> None:
    """Refuse the account id that the example environments ship with; makes no call.

    Raises:
        TfgenError: The environment still has the placeholder.
    """
    if environment.is_placeholder:
        raise TfgenError(
            f"environment {environment.name} still has the placeholder account {PLACEHOLDER_ACCOUNT}",
            hint=f"put your account id into config/environments/{environment.name}.yaml",
            where=f"config/environments/{environment.name}.yaml",
            code="placeholder-account",
        )


def check_account(environment: Environment, clients: Aws) -> str:
    """Ask STS who we are, before any other call, and compare with the environment's account.

    Returns:
        The ARN of the caller.

    Raises:
        TfgenError: There are no usable credentials, or they belong to another account.
    """
    check_placeholder(environment)
    try:
        answer = clients.client("sts").get_caller_identity()
    except Exception as error:
        raise aws.explain(error, f"environment {environment.name}: AWS does not accept us") from None
    if answer["Account"] != environment.account:
        raise TfgenError(
            f"environment {environment.name} is account {environment.account}, "
            f"but the credentials belong to {answer['Account']} ({answer['Arn']})",
            hint="use credentials of that account, e.g. AWS_PROFILE=…, or name another environment",
            code="wrong-account",
        )
    return str(answer["Arn"])
