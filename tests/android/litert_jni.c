// LiteRT's own library for Linux, to the tests of the Kotlin engine: what LiteRtLibrary.kt declares, over the C of the Swift package.
#include <jni.h>
#include <stdlib.h>

#include "litert_session.h"

#define NATIVE(result, name) JNIEXPORT result JNICALL Java_dev_edgecv_LiteRtNatives_##name

static litert_session *session_of(jlong handle) { return (litert_session *)(intptr_t)handle; }

static void refuse(JNIEnv *env, const litert_message *message) {
  jclass error = (*env)->FindClass(env, "com/google/ai/edge/litert/LiteRtException");
  if (error != NULL) (*env)->ThrowNew(env, error, message->text);
}

NATIVE(jlong, open)(JNIEnv *env, jclass self, jstring library, jbyteArray model, jint threads) {
  litert_message message;
  const char *path = (*env)->GetStringUTFChars(env, library, NULL);
  jbyte *bytes = (*env)->GetByteArrayElements(env, model, NULL);
  litert_session *made = litert_open(path, bytes, (size_t)(*env)->GetArrayLength(env, model), threads, &message);
  (*env)->ReleaseByteArrayElements(env, model, bytes, JNI_ABORT);
  (*env)->ReleaseStringUTFChars(env, library, path);
  if (made == NULL) refuse(env, &message);
  return (jlong)(intptr_t)made;
}

NATIVE(jint, count)(JNIEnv *env, jclass self, jlong handle, jboolean outputs) {
  return (jint)litert_count(session_of(handle), outputs);
}

NATIVE(jstring, name)(JNIEnv *env, jclass self, jlong handle, jboolean outputs, jint number) {
  return (*env)->NewStringUTF(env, litert_describe(session_of(handle), outputs, (size_t)number).name);
}

NATIVE(jint, type)(JNIEnv *env, jclass self, jlong handle, jboolean outputs, jint number) {
  return litert_describe(session_of(handle), outputs, (size_t)number).type;
}

NATIVE(jintArray, shape)(JNIEnv *env, jclass self, jlong handle, jboolean outputs, jint number) {
  litert_tensor tensor = litert_describe(session_of(handle), outputs, (size_t)number);
  jintArray made = (*env)->NewIntArray(env, (jsize)tensor.rank);
  if (made != NULL) (*env)->SetIntArrayRegion(env, made, 0, (jsize)tensor.rank, tensor.dimensions);
  return made;
}

NATIVE(void, write)(JNIEnv *env, jclass self, jlong handle, jint number, jbyteArray data) {
  litert_message message;
  jbyte *bytes = (*env)->GetByteArrayElements(env, data, NULL);
  bool done = litert_write(session_of(handle), (size_t)number, bytes, (size_t)(*env)->GetArrayLength(env, data), &message);
  (*env)->ReleaseByteArrayElements(env, data, bytes, JNI_ABORT);
  if (!done) refuse(env, &message);
}

NATIVE(void, run)(JNIEnv *env, jclass self, jlong handle) {
  litert_message message;
  if (!litert_run(session_of(handle), &message)) refuse(env, &message);
}

NATIVE(void, read)(JNIEnv *env, jclass self, jlong handle, jint number, jbyteArray data) {
  litert_message message;
  jbyte *bytes = (*env)->GetByteArrayElements(env, data, NULL);
  bool done = litert_read(session_of(handle), (size_t)number, bytes, (size_t)(*env)->GetArrayLength(env, data), &message);
  (*env)->ReleaseByteArrayElements(env, data, bytes, 0);
  if (!done) refuse(env, &message);
}

NATIVE(void, close)(JNIEnv *env, jclass self, jlong handle) { litert_close(session_of(handle)); }
