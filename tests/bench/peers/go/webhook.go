package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

const duplicate = 1062

var webhook struct {
	db             *sql.DB
	look, add, job *sql.Stmt
	secret         []byte
}

type stripeEvent struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Created  int64  `json:"created"`
	Livemode bool   `json:"livemode"`
	Data     struct {
		Object struct {
			ID       string `json:"id"`
			Customer string `json:"customer"`
			Status   string `json:"status"`
		} `json:"object"`
	} `json:"data"`
}

func prepareWebhook(db *sql.DB) {
	var texts map[string]string

	if err := json.Unmarshal([]byte(os.Getenv("BENCH_WEBHOOK_STATEMENTS")), &texts); err != nil {
		log.Fatal(err)
	}
	webhook.db, webhook.secret = db, []byte(os.Getenv("BENCH_WEBHOOK_SECRET"))
	for name, to := range map[string]**sql.Stmt{"look": &webhook.look, "add": &webhook.add, "job": &webhook.job} {
		stmt, err := db.Prepare(texts[name])
		if err != nil {
			log.Fatal(err)
		}
		*to = stmt
	}
}

func signatureIsGood(header string, body []byte) bool {
	var at string
	var signatures []string

	for _, item := range strings.Split(header, ",") {
		name, value, found := strings.Cut(item, "=")
		if !found {
			return false
		}
		if name == "t" {
			at = value
		} else if name == "v1" {
			signatures = append(signatures, value)
		}
	}
	sec, err := strconv.ParseInt(at, 10, 64)
	if age := time.Now().Unix() - sec; err != nil || age > 300 || age < -300 {
		return false
	}
	mac := hmac.New(sha256.New, webhook.secret)
	mac.Write([]byte(at + "."))
	mac.Write(body)
	want := hex.EncodeToString(mac.Sum(nil))
	for _, s := range signatures {
		if hmac.Equal([]byte(s), []byte(want)) {
			return true
		}
	}
	return false
}

func store(e *stripeEvent, requestID string) error {
	var known, owner []byte
	var id [16]byte

	if err := webhook.look.QueryRow(e.ID, e.Data.Object.Customer).Scan(&known, &owner); err != nil || known != nil {
		return err
	}
	now := time.Now().UnixMicro()
	rand.Read(id[:])
	tx, err := webhook.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	state := "waiting"
	if owner == nil {
		state = "ignored"
	}
	_, err = tx.Stmt(webhook.add).Exec(e.ID, id[:], e.Type, e.Created*1000000, now, owner, e.Data.Object.ID, e.Data.Object.Customer,
		e.Data.Object.ID, e.Data.Object.Status, state)
	if known, is := err.(*mysql.MySQLError); is && known.Number == duplicate {
		return nil
	}
	if err == nil && owner != nil {
		_, err = tx.Stmt(webhook.job).Exec(owner, owner, now, requestID, now)
	}
	if err == nil {
		err = tx.Commit()
	}
	return err
}

func handleWebhook(w http.ResponseWriter, r *http.Request) {
	var e stripeEvent

	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil || !signatureIsGood(r.Header.Get("Stripe-Signature"), body) || json.Unmarshal(body, &e) != nil {
		http.Error(w, "{}", http.StatusBadRequest)
		return
	}
	if err := store(&e, r.Header.Get("X-Request-Id")); err != nil {
		log.Print(err)
		http.Error(w, "{}", http.StatusInternalServerError)
		return
	}
	answer := []byte(`{"data":{"received":true},"meta":{"request_id":"` + r.Header.Get("X-Request-Id") + `"}}`)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	w.Write(answer)
}
