// What @zitadel/client 1.3.1 has no words for yet: recovery codes. Its own transport carries them all the same. A service
// may be described at run time, and fields that a message does not know are kept when it is read and written.

import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FieldDescriptorProto_Label, FieldDescriptorProto_Type } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { FactorsSchema } from "@zitadel/proto/zitadel/session/v2/session_pb";
import { ChecksSchema } from "@zitadel/proto/zitadel/session/v2/session_service_pb";

const { OPTIONAL, REPEATED } = FieldDescriptorProto_Label;
const { STRING, UINT32, MESSAGE } = FieldDescriptorProto_Type;

const field = (name, number, type, more = {}) => ({ name, number, type, label: OPTIONAL, ...more });
const message = (name, ...fields) => ({ name, field: fields });

const file = create(FileDescriptorProtoSchema, {
  name: "zitadel/user/v2/recovery.proto",
  package: "zitadel.user.v2",
  syntax: "proto3",
  messageType: [
    message("GenerateRecoveryCodesRequest", field("user_id", 1, STRING), field("count", 2, UINT32)),
    message("GenerateRecoveryCodesResponse", field("recovery_codes", 2, STRING, { label: REPEATED })),
    message("Code", field("code", 1, STRING)),
    message("Checks", field("recovery_code", 8, MESSAGE, { typeName: ".zitadel.user.v2.Code" })),
    message("Time"),
    message("Factor", field("verified_at", 1, MESSAGE, { typeName: ".zitadel.user.v2.Time" })),
    message("Factors", field("recovery_code", 8, MESSAGE, { typeName: ".zitadel.user.v2.Factor" })),
  ],
  service: [
    {
      name: "UserService",
      method: [
        {
          name: "GenerateRecoveryCodes",
          inputType: ".zitadel.user.v2.GenerateRecoveryCodesRequest",
          outputType: ".zitadel.user.v2.GenerateRecoveryCodesResponse",
        },
      ],
    },
  ],
});
const registry = createFileRegistry(file, () => undefined);
const described = (name) => registry.getMessage(`zitadel.user.v2.${name}`);

// A client of the user service, by the transport that the library made.
export const createRecoveryClient = (transport) =>
  createClient(registry.getService("zitadel.user.v2.UserService"), transport);

// The checks of a session request, with a recovery code among them.
export function withRecoveryCode(code, checks) {
  const young = toBinary(described("Checks"), create(described("Checks"), { recoveryCode: { code } }));
  const { $unknown } = fromBinary(ChecksSchema, young);
  return Object.assign(create(ChecksSchema, checks), { $unknown });
}

// The factor of the recovery code, when the session has one.
export const recoveryFactor = (factors) =>
  fromBinary(described("Factors"), toBinary(FactorsSchema, factors)).recoveryCode;
