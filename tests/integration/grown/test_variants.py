"""Settings that make a blueprint something else, each deployed once and used: FIFO, a VPC, a whole domain."""

from __future__ import annotations

import json

import pytest

from tests.support.grown import PREFIX, Grown, Module, new_mark

pytestmark = pytest.mark.slow

MAIL = '''
sesv2 = clients.client("sesv2")


def extra(text: str) -> dict[str, Any]:
    """Send from the domain, and try to send from another one."""
    return {sender: attempt(sender) for sender in ("news@shop.example", "news@example.com")}


def attempt(sender: str) -> str:
    content = {"Simple": {"Subject": {"Data": "News"}, "Body": {"Text": {"Data": "None."}}}}
    destination = {"ToAddresses": ["ann@example.com"]}
    name = os.environ["CONFIGURATION_SET"]
    try:
        sesv2.send_email(
            FromEmailAddress=sender, Destination=destination, Content=content, ConfigurationSetName=name
        )
    except Exception as error:
        return clients.error_code(error)
    return "done"
'''

LEDGER = Module("07-ledger", "table", {"range_key": "sk", "stream": "new_and_old_images"})
MODULES = [
    Module("50-steps", "queue", {"fifo": True, "alarm_topic": ""}),
    Module("51-shop-mail", "email-configuration", {"sender": "news@shop.example", "sender_identity_type": "domain"}),
    Module(
        "52-private",
        "lambda",
        {
            "in_vpc": True,
            "write_tables": ["ledger.table_arn"],
            "mail_sender": "shop-mail.sender",
            "environment_variables_from": {
                "LEDGER": "ledger.table_name",
                "CONFIGURATION_SET": "shop-mail.configuration_set_name",
            },
        },
    ),
]


@pytest.fixture(scope="module")
def varied(grown: Grown) -> Grown:
    """The project with these modules, and the table that its functions note their calls in."""
    ledger = [] if (grown.project.root / "terraform" / LEDGER.name).is_dir() else [LEDGER]
    for module in [*ledger, *MODULES]:
        grown.add(module, MAIL)
    assert grown.apply() == [module.name for module in [*ledger, *MODULES]]
    return grown


def test_a_second_plan_is_empty(varied: Grown) -> None:
    assert varied.project.tfgen("plan", "--env", "local", "--detailed-exitcode").returncode == 0


def test_a_fifo_queue_keeps_the_order_and_takes_a_message_once(varied: Grown) -> None:
    mark, sqs = new_mark(), varied.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{PREFIX}-steps.fifo")["QueueUrl"]
    for step in ("one", "one", "two", "three"):
        sqs.send_message(QueueUrl=url, MessageBody=f"{mark} {step}", MessageGroupId=mark)
    bodies = []
    for _ in range(3):
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", ()):
            bodies.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert bodies == [f"{mark} {step}" for step in ("one", "two", "three")]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
    assert json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"].endswith(f":{PREFIX}-steps-dlq.fifo")


def test_a_function_in_the_vpc_is_in_private_subnets_and_works(varied: Grown) -> None:
    mark, functions, ec2 = new_mark(), varied.client("lambda"), varied.client("ec2")
    name = f"{PREFIX}-private"
    functions.invoke(FunctionName=name, Qualifier="live", Payload=json.dumps({"mark": mark}))
    assert varied.noted(mark, "private")
    place = functions.get_function_configuration(FunctionName=name)["VpcConfig"]
    subnets = ec2.describe_subnets(SubnetIds=place["SubnetIds"])["Subnets"]
    tagged = [{tag["Key"]: tag["Value"] for tag in subnet["Tags"]}["Name"] for subnet in subnets]
    assert len(subnets) >= 2
    assert all("private" in text for text in tagged), tagged
    assert len(place["SecurityGroupIds"]) == 1


def test_a_domain_sends_for_its_addresses_and_for_no_other_domain(varied: Grown) -> None:
    answer = varied.client("lambda").invoke(
        FunctionName=f"{PREFIX}-private", Qualifier="live", Payload=json.dumps({"mark": new_mark()})
    )
    result = json.loads(answer["Payload"].read())
    assert (result["news@shop.example"], result["news@example.com"]) == ("done", "AccessDeniedException")
    identity = varied.client("sesv2").get_email_identity(EmailIdentity="shop.example")
    assert identity["IdentityType"] == "DOMAIN"
    records = varied.project.json("output", "shop-mail", "dns_records", "--env", "local")["output"]["value"]
    assert sum(record["name"].endswith("._domainkey.shop.example") for record in records) == 3
