-- A ledger as release 0.1.0 left it: schema 1, byte for byte as that program wrote it (sqlite3's .dump).
-- Never edit: it stands for the ledgers in city halls, and tests bring it up to every later schema.
--
-- Its writer w20261120T010000Z-a1a1a1 recorded an answered and a refused exchange, asked a third and died; the
-- second writer swept that one as lost, into its own chain as 0.1.0 did, was looked at, asked a fourth
-- exchange that is still open, and died, too. Four notes; two records behind the last one. The private key was
-- thrown away; 0001_public.pem is the public one.

BEGIN TRANSACTION;
CREATE TABLE leases (
	writer TEXT NOT NULL, 
	boot TEXT NOT NULL, 
	namespace TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	born TEXT NOT NULL, 
	started TEXT NOT NULL, 
	until TEXT NOT NULL, 
	open_from INTEGER NOT NULL, 
	ended TEXT, 
	PRIMARY KEY (writer)
)
 STRICT

;
INSERT INTO "leases" VALUES('w20261120T010700Z-b2b2b2','','',1,'','2026-11-20T01:07:06.000000Z','2026-11-20T01:08:40.000000Z',3,NULL);
CREATE TABLE notes (
	number INTEGER NOT NULL, 
	at TEXT NOT NULL, 
	note TEXT NOT NULL, 
	PRIMARY KEY (number)
)
 STRICT

;
INSERT INTO "notes" VALUES(1,'2026-11-20T01:00:56.000000Z','sekisho/ledger
1
2026-11-20T01:00:56.000000Z
0000000000000000000000000000000000000000000000000000000000000000
w20261120T010000Z-a1a1a1 3 7e2a3611d13ce6ada7f82dcde8f180ede3a4b93f93c4ab8bd835350148aad5f4 open

— sekisho/ledger ezUwlGz8EFipCXOLOmk6yGRbL3wfcbLawDHVc8bvKsurjPEXUstY2zt3Sn4KYizPOGbR5/nMU/xQx7DRmcu7lTd53Ag=
');
INSERT INTO "notes" VALUES(2,'2026-11-20T01:01:52.000000Z','sekisho/ledger
2
2026-11-20T01:01:52.000000Z
e5939691ffec1e7021d9dd2df930434a89392ecf77cb9c6206e19bb8116fa375
w20261120T010000Z-a1a1a1 6 677b9d748678a0ffced7c9e221aa786e01cc64c364333c453a32ebb788076849 open

— sekisho/ledger ezUwlAHrLEiA10VaB4jmrZIsMyZ9ZLOynZlEIXRvWZK5taVRNw3PYYVmIBqnaep9aN4WPCyVJTSKyLi51D1b/aiHgQY=
');
INSERT INTO "notes" VALUES(3,'2026-11-20T01:07:20.000000Z','sekisho/ledger
3
2026-11-20T01:07:20.000000Z
9623801f2fa8401715dc194967297d8182af5805ab30b10936b9e1974f7a3192
w20261120T010000Z-a1a1a1 6 677b9d748678a0ffced7c9e221aa786e01cc64c364333c453a32ebb788076849 closed
w20261120T010700Z-b2b2b2 1 32108cddbdf56165ad08f3324e2e073d17f401b96ee92e9528790f67f908d217 open

— sekisho/ledger ezUwlJmCugqza1O4wSo5Xs7rMGYEvVV0Zvc6Kfcln0sFMwLZMztEm4FGCBVsRbJv8axS2teslDT6MvPRZf5cIi7zjQw=
');
INSERT INTO "notes" VALUES(4,'2026-11-20T01:08:02.000000Z','sekisho/ledger
4
2026-11-20T01:08:02.000000Z
892b28571576b333bacd7fab0e94d56da9167c72cce930018084988aeb95a3d8
w20261120T010700Z-b2b2b2 3 07ade373e00e7adfcf4312460cc371b91ca08eba6da19311a0247644acd8de2d open

— sekisho/ledger ezUwlFp41pzMjoHruYx+K3c6k+Obf3Lqjrn2/ckUbiAvbt9Oz72ogVMDcYcZ/kHCVNZ9aRy+cRQ17dFiNOLxSHtY3Qs=
');
CREATE TABLE records (
	writer TEXT NOT NULL, 
	idx INTEGER NOT NULL, 
	at TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	exchange TEXT, 
	turn INTEGER, 
	body TEXT NOT NULL, 
	text_commitment TEXT, 
	prev TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (writer, idx), 
	CONSTRAINT one_question_one_ending UNIQUE (exchange, turn), 
	CONSTRAINT kind_fits_turn_and_exchange CHECK ((kind = 'asked' AND turn = 1 AND exchange IS NOT NULL) OR (kind IN ('answered', 'refused', 'failed', 'abandoned', 'lost') AND turn = 2 AND exchange IS NOT NULL) OR (kind IN ('viewed', 'noted') AND turn IS NULL AND exchange IS NULL)), 
	CONSTRAINT chains_count_from_one CHECK (idx >= 1), 
	CONSTRAINT chains_start_at_zeros CHECK (idx > 1 OR prev = '0000000000000000000000000000000000000000000000000000000000000000'), 
	CONSTRAINT hashes_are_sha256 CHECK (length(hash) = 64 AND length(prev) = 64)
)
 STRICT

;
INSERT INTO "records" VALUES('w20261120T010000Z-a1a1a1',1,'2026-11-20T01:00:07.000000Z','noted',NULL,NULL,'{"by":"demo","event":"person.added"}',NULL,'0000000000000000000000000000000000000000000000000000000000000000','e8143ee6d0a8c53ed2318d7c430802c3740a94da37f92277d8e2f313b6f4df35');
INSERT INTO "records" VALUES('w20261120T010000Z-a1a1a1',2,'2026-11-20T01:00:21.000000Z','asked','01KAFTF2H0000000000000AAAA',1,'{"caller":{"department":"都市創造部","identity":"authenticated","key":"k-1","person":"demo","section":"道路課","tool":"mail-helper"},"dialect":"chat","digest":"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","entities":{"PERSON":1},"model_requested":"demo","operation":"chat","policy":"takatsuki","rules":[{"effects":["mask"],"id":"mask-all"}],"verdict":"permit"}','1f2a3232171cf7ece43863f6ae90ec008eb0edeaea658769d623dfb696950d05','e8143ee6d0a8c53ed2318d7c430802c3740a94da37f92277d8e2f313b6f4df35','54e3427fcd28901d71662602f0879b6893d3aab7031cd66d4e8a383494762262');
INSERT INTO "records" VALUES('w20261120T010000Z-a1a1a1',3,'2026-11-20T01:00:35.000000Z','answered','01KAFTF2H0000000000000AAAA',2,'{"egress_state":"masked","tokens":{"estimated":false,"input":12,"output":7}}','a2d53a2aa63f5727571add254cd82794b2e0b534fb8a791d566149f4cda84753','54e3427fcd28901d71662602f0879b6893d3aab7031cd66d4e8a383494762262','7e2a3611d13ce6ada7f82dcde8f180ede3a4b93f93c4ab8bd835350148aad5f4');
INSERT INTO "records" VALUES('w20261120T010000Z-a1a1a1',4,'2026-11-20T01:01:03.000000Z','asked','01KAFTF2H0000000000000BBBB',1,'{"caller":{"department":"都市創造部","identity":"authenticated","key":"k-1","person":"sato","section":"道路課","tool":"mail-helper"},"dialect":"chat","digest":"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","entities":{"PERSON":1},"model_requested":"demo","operation":"chat","policy":"takatsuki","rules":[{"effects":["mask"],"id":"mask-all"}],"verdict":"refuse"}','cc8fc9b19613b9058ab8daf4ae6e172092c2e70e2b08e1e633ed01b1d3710fa8','7e2a3611d13ce6ada7f82dcde8f180ede3a4b93f93c4ab8bd835350148aad5f4','11a974f1012e3bd40e1722d25808374630c8dd6fed2ed59588dc3ef32bde6e22');
INSERT INTO "records" VALUES('w20261120T010000Z-a1a1a1',5,'2026-11-20T01:01:17.000000Z','refused','01KAFTF2H0000000000000BBBB',2,'{"egress_state":"none","reason":"policy_deny"}',NULL,'11a974f1012e3bd40e1722d25808374630c8dd6fed2ed59588dc3ef32bde6e22','2e56aaa5b91f965f724e99d65c6372538d75121cb648c5b3d08a1d49a41bcbf0');
INSERT INTO "records" VALUES('w20261120T010000Z-a1a1a1',6,'2026-11-20T01:01:31.000000Z','asked','01KAFTF2H0000000000000CCCC',1,'{"caller":{"department":"都市創造部","identity":"authenticated","key":"k-1","person":"sato","section":"道路課","tool":"mail-helper"},"dialect":"chat","digest":"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","entities":{"PERSON":1},"model_requested":"demo","operation":"chat","policy":"takatsuki","rules":[{"effects":["mask"],"id":"mask-all"}],"verdict":"permit"}','a2ec580c9a6d1b0cc4735e639a374acf7565ffd0ac6000fc66a5674556d20a77','2e56aaa5b91f965f724e99d65c6372538d75121cb648c5b3d08a1d49a41bcbf0','677b9d748678a0ffced7c9e221aa786e01cc64c364333c453a32ebb788076849');
INSERT INTO "records" VALUES('w20261120T010700Z-b2b2b2',1,'2026-11-20T01:06:59.000000Z','lost','01KAFTF2H0000000000000CCCC',2,'{"egress_state":"unknown","reason":"writer_gone"}',NULL,'0000000000000000000000000000000000000000000000000000000000000000','32108cddbdf56165ad08f3324e2e073d17f401b96ee92e9528790f67f908d217');
INSERT INTO "records" VALUES('w20261120T010700Z-b2b2b2',2,'2026-11-20T01:07:27.000000Z','viewed',NULL,NULL,'{"filters":{"limit":50},"os_user":"kansa","reason":"点検","rows":4,"what":"search"}',NULL,'32108cddbdf56165ad08f3324e2e073d17f401b96ee92e9528790f67f908d217','e1e06006472b9fa3f408e73fbe6c2f9e5683fed3989c8295ede9bf7ee8f98a83');
INSERT INTO "records" VALUES('w20261120T010700Z-b2b2b2',3,'2026-11-20T01:07:41.000000Z','asked','01KAFTF2H0000000000000DDDD',1,'{"caller":{"department":"都市創造部","identity":"authenticated","key":"k-1","person":"demo","section":"道路課","tool":"mail-helper"},"dialect":"chat","digest":"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","entities":{"PERSON":1},"model_requested":"demo","operation":"chat","policy":"takatsuki","rules":[{"effects":["mask"],"id":"mask-all"}],"stream":true,"verdict":"permit"}','b382401b3030cfe2f8b2af824d6d610e626858d4dad937232c6be4558ab43f23','e1e06006472b9fa3f408e73fbe6c2f9e5683fed3989c8295ede9bf7ee8f98a83','07ade373e00e7adfcf4312460cc371b91ca08eba6da19311a0247644acd8de2d');
INSERT INTO "records" VALUES('w20261120T010700Z-b2b2b2',4,'2026-11-20T01:08:09.000000Z','asked','01KAFTF2H0000000000000EEEE',1,'{"caller":{"department":"都市創造部","identity":"authenticated","key":"k-1","person":"demo","section":"道路課","tool":"mail-helper"},"dialect":"chat","digest":"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","entities":{"PERSON":1},"model_requested":"demo","operation":"chat","policy":"takatsuki","rules":[{"effects":["mask"],"id":"mask-all"}],"verdict":"permit"}',NULL,'07ade373e00e7adfcf4312460cc371b91ca08eba6da19311a0247644acd8de2d','6521a3b0832a20f00b8c13818f1429f5ebe103e23499d59cce816e41187e8156');
INSERT INTO "records" VALUES('w20261120T010700Z-b2b2b2',5,'2026-11-20T01:08:23.000000Z','failed','01KAFTF2H0000000000000EEEE',2,'{"egress_state":"masked","reason":"upstream_error"}',NULL,'6521a3b0832a20f00b8c13818f1429f5ebe103e23499d59cce816e41187e8156','2557b66e79aa4022823dd17cba03502ddcd6817c390cc89621ab968f35e02519');
CREATE TABLE texts (
	writer TEXT NOT NULL, 
	idx INTEGER NOT NULL, 
	salt TEXT NOT NULL, 
	text TEXT NOT NULL, 
	PRIMARY KEY (writer, idx), 
	FOREIGN KEY(writer, idx) REFERENCES records (writer, idx), 
	CONSTRAINT salts_are_32_bytes CHECK (length(salt) = 64)
)
 STRICT

;
INSERT INTO "texts" VALUES('w20261120T010000Z-a1a1a1',2,'27153cac3fd90b25b192a82cbd00e0e4b592bf051e65233db09847a926b8e608','[PERSON_1_k7q2]様へのお詫びの手紙');
INSERT INTO "texts" VALUES('w20261120T010000Z-a1a1a1',3,'2d9952ff017d7fab495b535982c9351d77563d47ad692979f7837a6755c0c84e','[PERSON_1_k7q2]様
	このたびは');
INSERT INTO "texts" VALUES('w20261120T010000Z-a1a1a1',4,'6e6ec532b8e0e1c93fac45901160825bf4ddbbb82f911d59944dcad8913859df','[PERSON_1_k7q2]の住所は');
INSERT INTO "texts" VALUES('w20261120T010000Z-a1a1a1',6,'4e8f9d56ab42ae549a76b20e080bf2e57c7efaeaa59e9d60a1657482a3d01be5','途中で止まった質問');
INSERT INTO "texts" VALUES('w20261120T010700Z-b2b2b2',3,'e0eaa5c69beb77b0bded36ce63d13369f58568c2d9e193c6f262ef5538892125','返事を待っている質問');
CREATE INDEX records_by_time ON records (at, writer, idx);
CREATE TRIGGER records_are_never_changed BEFORE UPDATE ON records BEGIN
    SELECT RAISE(ABORT, 'a record is never changed');
END;
CREATE TRIGGER records_are_never_deleted BEFORE DELETE ON records BEGIN
    SELECT RAISE(ABORT, 'a record is never deleted');
END;
CREATE TRIGGER notes_are_never_changed BEFORE UPDATE ON notes BEGIN
    SELECT RAISE(ABORT, 'a note is never changed');
END;
CREATE TRIGGER notes_are_never_deleted BEFORE DELETE ON notes BEGIN
    SELECT RAISE(ABORT, 'a note is never deleted');
END;
CREATE TRIGGER texts_are_never_changed BEFORE UPDATE ON texts BEGIN
    SELECT RAISE(ABORT, 'a text is never changed');
END;
CREATE TRIGGER a_record_needs_a_living_writer BEFORE INSERT ON records
WHEN NOT EXISTS (SELECT 1 FROM leases WHERE writer = NEW.writer AND ended IS NULL)
BEGIN
    SELECT RAISE(ABORT, 'a record needs a writer that holds a lease');
END;
CREATE TRIGGER a_record_follows_the_last_one BEFORE INSERT ON records
WHEN EXISTS (SELECT 1 FROM records WHERE writer = NEW.writer AND idx >= NEW.idx)
OR (NEW.idx > 1 AND NOT EXISTS (
    SELECT 1 FROM records WHERE writer = NEW.writer AND idx = NEW.idx - 1 AND hash = NEW.prev))
BEGIN
    SELECT RAISE(ABORT, 'a record follows the last one of its writer');
END;
CREATE TRIGGER an_exchange_has_one_question_and_one_ending BEFORE INSERT ON records
WHEN EXISTS (SELECT 1 FROM records WHERE exchange = NEW.exchange AND turn = NEW.turn)
BEGIN
    SELECT RAISE(ABORT, 'an exchange has one question and one ending');
END;
CREATE TRIGGER a_record_has_one_text BEFORE INSERT ON texts
WHEN EXISTS (SELECT 1 FROM texts WHERE writer = NEW.writer AND idx = NEW.idx)
BEGIN
    SELECT RAISE(ABORT, 'a record has one text');
END;
CREATE TRIGGER an_ending_needs_its_question BEFORE INSERT ON records
WHEN NEW.turn = 2 AND NOT EXISTS (SELECT 1 FROM records WHERE exchange = NEW.exchange AND turn = 1)
BEGIN
    SELECT RAISE(ABORT, 'an ending needs its asked record');
END;
CREATE TRIGGER a_note_follows_the_last_one BEFORE INSERT ON notes
WHEN NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM notes)
BEGIN
    SELECT RAISE(ABORT, 'a note follows the last one');
END;
COMMIT;
PRAGMA user_version = 1;
