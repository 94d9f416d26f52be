/// Names of messages by PGN, as the catalogue of the node names them; the signals of /signals begin with them.
// Source: deploy/catalogue/furrow-agricultural.dbc. A frame has its own `name`; this is for filters and older nodes.
const coded = "44032:GMS 44288:GSC 51968:PD 59904:RQST 60928:ACL 61442:ETC1 61443:EEC2 61444:EEC1 61445:ETC2 61474:MSS "
  + "64835:MSSC 65091:RPTO 65092:FPTO 65093:RHS 65094:FHS 65096:WBSD 65097:GBSD 65217:VDHR 65226:DM1 65227:DM2 "
  + "65248:VD 65253:HOURS 65254:TD 65256:VDS 65257:LFC1 65262:ET1 65263:EFL_P1 65264:PTO1 65265:CCVS1 65266:LFE1 "
  + "65267:VP1 65269:AMB 65271:VEP1 65272:TRF1 65276:DD1 126992:N2K_SYSTEM_TIME 127250:N2K_HEADING "
  + "127251:N2K_RATE_OF_TURN 127257:N2K_ATTITUDE 129025:N2K_POSITION 129026:N2K_COG_SOG 129027:N2K_POSITION_DELTA "
  + "129029:N2K_GNSS_POSITION "
  + "130311:N2K_ENVIRONMENT 130312:N2K_TEMPERATURE 130313:N2K_HUMIDITY 130314:N2K_ACTUAL_PRESSURE "
  + "130315:N2K_SET_PRESSURE 130316:N2K_TEMPERATURE_EXTENDED 60160:TP.DT 60416:TP.CM 50944:ETP.DT 51200:ETP.CM "
  + "58880:VT_TO_ECU 59136:ECU_TO_VT 59392:ACKM 65240:COMMANDED_ADDRESS 65037:WORKING_SET_MASTER";
const names = new Map(coded.split(" ").map((one): [number, string] => {
  const mark = one.indexOf(":");
  return [Number(one.slice(0, mark)), one.slice(mark + 1)];
}));

/// Empty: not known.
export const messageName = (pgn: number | null): string => pgn === null ? "" : names.get(pgn) ?? "";

/// The node's name comes first: it knows the machine's own DBC files.
export const frameName = ({ name, pgn }: { name: string; pgn: number | null }): string => name || messageName(pgn);
