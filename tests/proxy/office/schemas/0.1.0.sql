BEGIN TRANSACTION;
CREATE TABLE keys (
	id VARCHAR NOT NULL, 
	hash VARCHAR NOT NULL, 
	person VARCHAR, 
	tool VARCHAR NOT NULL, 
	department VARCHAR NOT NULL, 
	section VARCHAR NOT NULL, 
	actor VARCHAR NOT NULL, 
	may_assert_user BOOLEAN NOT NULL, 
	addresses VARCHAR NOT NULL, 
	enrolled BOOLEAN NOT NULL, 
	trained BOOLEAN NOT NULL, 
	acknowledged BOOLEAN NOT NULL, 
	purpose VARCHAR, 
	category VARCHAR NOT NULL, 
	confidentiality_class VARCHAR, 
	unknown_fields VARCHAR DEFAULT 'refuse' NOT NULL, 
	mask_reply_names BOOLEAN DEFAULT 0 NOT NULL, 
	created_at VARCHAR NOT NULL, 
	created_by VARCHAR NOT NULL, 
	revoked_at VARCHAR, 
	PRIMARY KEY (id), 
	UNIQUE (hash)
);
INSERT INTO "keys" VALUES('k-1','7838ed8a1c00fb8ba6e67a5755b4e979f2e08ded072929f5b9fb6d1a7fcb94a4','012345','文書作成','都市創造部','道路課','staff',0,'',1,1,1,'回答の下書き','mail_draft',NULL,'refuse',0,'2026-05-11T00:00:00Z','root',NULL);
INSERT INTO "keys" VALUES('k-2','458a3aab396715b0006bd4d23074783fcae1ede14eff0fb853b4e089324c0c9b','023456','文書作成','都市創造部','道路課','contractor',0,'',1,0,0,NULL,'mail_draft',NULL,'refuse',0,'2027-02-01T00:00:00Z','root',NULL);
INSERT INTO "keys" VALUES('k-3','ca7cd2f481e49aa2d46e4a898be5304069d27756c2730d7aa4e5e3023340ccbe','034567','文書作成','都市創造部','道路課','staff',0,'',0,1,1,NULL,'mail_draft',NULL,'refuse',0,'2026-05-11T00:00:01Z','root',NULL);
INSERT INTO "keys" VALUES('k-4','0f153a360aec28a5158fa42e4009de49f7467e925119d27215fac4ad34fca728',NULL,'文書作成','都市創造部','道路課','staff',1,'10.0.0.0/8,127.0.0.1/32',1,1,1,NULL,'mail_draft','3B','drop',1,'2026-05-11T00:00:02Z','root',NULL);
INSERT INTO "keys" VALUES('k-5','fef5b3a1b3e320f97688691819fd8193bd1b5eb05bf13a681cddef58deb21578','045678','文書作成','都市創造部','道路課','staff',0,'',1,1,1,NULL,'mail_draft',NULL,'refuse',0,'2026-05-11T00:00:03Z','root','2026-07-01T00:00:00Z');
INSERT INTO "keys" VALUES('k-6','63ccf3571150e0be615f61aa1fedc5e80cbeeca2ae401370105e1423bbac3a25','012345','要約','都市創造部','道路課','staff',0,'',1,1,1,NULL,'mail_draft',NULL,'refuse',0,'2026-06-11T00:00:00Z','root',NULL);
COMMIT;
