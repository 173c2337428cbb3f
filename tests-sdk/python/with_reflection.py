"""One walk through the Session API with grpcio, which learns the API from the server's reflection alone."""

import json

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

from shared import LOGIN_NAME, PASSWORD, PAT, URL

SERVICE = "zitadel.session.v2.SessionService"
AUTH = [("authorization", f"Bearer {PAT}")]


class Client:
    """Calls methods by name, with messages made of the descriptors that the server tells."""

    def __init__(self, channel):
        self.channel = channel
        self.database = ProtoReflectionDescriptorDatabase(channel)
        self.pool = descriptor_pool.DescriptorPool(self.database)
        self.service = self.pool.FindServiceByName(SERVICE)

    def call(self, name, **fields):
        method = self.service.methods_by_name[name]
        request = message_factory.GetMessageClass(method.input_type)
        response = message_factory.GetMessageClass(method.output_type)
        stub = self.channel.unary_unary(
            f"/{SERVICE}/{name}",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )
        return stub(request(**fields), metadata=AUTH, timeout=30)

    def message(self, name):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))

    def refusal(self, name, **fields):
        """The call's refusal: code, message and, where they are told, the id and the failed attempts."""
        try:
            self.call(name, **fields)
        except grpc.RpcError as error:
            shown = {"code": error.code().name.lower(), "message": error.details()}
            for detail in rpc_status.from_call(error).details:
                if detail.type_url.endswith("/zitadel.v1.CredentialsCheckError"):
                    told = self.message("zitadel.v1.CredentialsCheckError").FromString(detail.value)
                    shown["id"], shown["failedAttempts"] = told.id, told.failed_attempts
            return shown
        raise AssertionError("the call should have been refused")


def checks(password):
    return {"user": {"login_name": LOGIN_NAME}, "password": {"password": password}}


def walk(client):
    created = client.call("CreateSession", checks=checks(PASSWORD))
    one = {"session_id": created.session_id}
    read = client.call("GetSession", **one).session
    changed = client.call("SetSession", **one, session_token=created.session_token, metadata={"colour": b"blue"})
    metadata = client.call("GetSession", **one).session.metadata
    listed = client.call("ListSessions", queries=[{"ids_query": {"ids": [created.session_id]}}])
    refused = client.refusal("CreateSession", checks=checks("wrong"))
    client.call("DeleteSession", **one, session_token=changed.session_token)
    gone = client.refusal("GetSession", **one)
    return {
        "services": sorted(client.database.get_services()),
        "created": {"id": created.session_id, "token": created.session_token},
        "read": {
            "id": read.id,
            "loginName": read.factors.user.login_name,
            "passwordVerified": read.factors.password.HasField("verified_at"),
        },
        "changed": {"token": changed.session_token},
        "metadata": {key: value.decode() for key, value in metadata.items()},
        "listed": [session.id for session in listed.sessions],
        "total": listed.details.total_result,
        "refused": refused,
        "gone": gone,
    }


with grpc.insecure_channel(URL.removeprefix("http://")) as channel:
    print(json.dumps(walk(Client(channel))))
