#include <signet/operations/service.h>

sg_status sg_service_profiles(struct sg_service *service, struct sg_profile_set **out,
                              struct sg_error *err)
{
    int64_t stamp = 0;
    struct sg_profile_set *fresh = NULL;
    sg_status s = sg_store_profiles_stamp(service->store, &stamp, err);
    if (s == SG_OK && (service->profiles == NULL || service->profiles_stamp != stamp)) {
        s = sg_store_profiles_load(service->store, &fresh, err);
    }
    if (s != SG_OK) {
        return s;
    }
    if (fresh != NULL) {
        sg_profile_set_unref(service->profiles);
        service->profiles = fresh;
        service->profiles_stamp = stamp;
    }
    *out = sg_profile_set_ref(service->profiles);
    return SG_OK;
}

void sg_service_done(struct sg_service *service)
{
    sg_profile_set_unref(service->profiles);
    service->profiles = NULL;
}
